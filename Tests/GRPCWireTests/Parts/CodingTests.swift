// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire
import NIOCore
import Testing

@Suite struct PercentCodingTests {
    @Test(arguments: [
        ("", ""), ("plain text", "plain text"), ("100%", "100%25"), ("a\nb", "a%0Ab"), ("ä", "%C3%A4"),
        ("\u{7f}\u{1f}", "%7F%1F"), ("~ !", "~ !"), ("🐦", "%F0%9F%90%A6"),
    ])
    func vectors(_ plain: String, _ encoded: String) {
        #expect(PercentCoding.encode(plain) == encoded)
        #expect(PercentCoding.decode(encoded) == plain)
    }

    @Test(arguments: [
        ("%", "%"), ("%4", "%4"), ("%zz", "%zz"), ("a%", "a%"), ("%%41", "%A"), ("%e4%b8%ad", "中"), ("%2g%41", "%2gA"),
    ])
    func whatIsNoEscapeStays(_ encoded: String, _ plain: String) {
        #expect(PercentCoding.decode(encoded) == plain)
    }

    @Test func bytesThatAreNoUTF8AreReplaced() {
        #expect(PercentCoding.decode("a%FFb") == "a\u{fffd}b")
    }
}

@Suite struct CallTimeoutTests {
    private func grpc(_ text: String) -> TimeAmount? {
        Array(text.utf8).withUnsafeBytes { CallTimeout.parseGRPC($0) }
    }

    private func micro(_ text: String) -> TimeAmount? {
        Array(text.utf8).withUnsafeBytes { CallTimeout.parseMicro($0) }
    }

    @Test func readsEveryUnit() {
        #expect(self.grpc("1H") == .hours(1))
        #expect(self.grpc("2M") == .minutes(2))
        #expect(self.grpc("3S") == .seconds(3))
        #expect(self.grpc("4m") == .milliseconds(4))
        #expect(self.grpc("5u") == .microseconds(5))
        #expect(self.grpc("6n") == .nanoseconds(6))
        #expect(self.grpc("0n") == .nanoseconds(0))
        #expect(self.grpc("99999999n") == .nanoseconds(99_999_999))
        #expect(self.grpc("99999999H") == .nanoseconds(.max))
    }

    @Test(arguments: ["", "1", "S", "1s", "123456789n", "-1S", "1.5S", " 1S", "1S ", "1 S", "0x1S", "１S"])
    func refusesTheRest(_ text: String) {
        #expect(self.grpc(text) == nil)
    }

    @Test func microReadsNanoseconds() {
        #expect(self.micro("5000000000") == .seconds(5))
        #expect(self.micro("999999999999999999") == .nanoseconds(999_999_999_999_999_999))
        for text in ["", "0", "-5", "5s", "1000000000000000000", "1e9"] { #expect(self.micro(text) == nil) }
    }

    @Test func formatsInTheFinestUnitThatFits() {
        #expect(CallTimeout.formatGRPC(.nanoseconds(-5)) == "0n")
        #expect(CallTimeout.formatGRPC(.nanoseconds(99_999_999)) == "99999999n")
        #expect(CallTimeout.formatGRPC(.milliseconds(100)) == "100000u")
        #expect(CallTimeout.formatGRPC(.seconds(100)) == "100000m")
        #expect(CallTimeout.formatGRPC(.hours(100)) == "360000S")
        #expect(CallTimeout.formatGRPC(.nanoseconds(.max)) == "2562047H")
    }

    /// What is written reads back as the same or a little less, never more and never as no deadline.
    @Test func formatReadsBack() {
        var nanoseconds: Int64 = 1
        while nanoseconds < .max / 7 {
            let read = self.grpc(CallTimeout.formatGRPC(.nanoseconds(nanoseconds)))
            #expect(read.map { $0.nanoseconds <= nanoseconds && $0.nanoseconds > nanoseconds / 10 * 9 } == true)
            nanoseconds = nanoseconds * 7 + 3
        }
    }
}

@Suite struct ContentTypeTests {
    private func subtype(_ text: String) -> String? {
        Array(text.utf8).withUnsafeBytes { ContentType.subtype($0) }
    }

    @Test func reads() {
        #expect(self.subtype("application/grpc") == "")
        #expect(self.subtype("application/grpc+proto") == "proto")
        #expect(self.subtype("Application/GRPC+JSON") == "json")
        #expect(self.subtype("application/grpc;charset=utf-8") == "")
        #expect(self.subtype("application/grpc+json; charset=utf-8") == "json")
        #expect(self.subtype("application/grpc+") == "")
    }

    @Test(arguments: [
        "", "application/grp", "application/grpcx", "application/grpc-web", "application/json", "text/html",
    ])
    func refuses(_ text: String) {
        #expect(self.subtype(text) == nil)
    }

    @Test func writes() {
        #expect(ContentType.value(subtype: "") == "application/grpc")
        #expect(ContentType.value(subtype: "json") == "application/grpc+json")
    }
}

@Suite struct WireAddressTests {
    @Test func reads() {
        #expect(WireAddress("localhost:80") == .hostPort("localhost", 80))
        #expect(WireAddress("[::1]:80") == .hostPort("::1", 80))
        #expect(WireAddress(":80") == .hostPort("", 80))
        #expect(WireAddress("unix:/tmp/s") == .unixSocket("/tmp/s"))
        for text in ["", "host", "::1:80", "a:b", "a:70000", "unix:"] { #expect(WireAddress(text) == nil) }
    }

    @Test(arguments: ["localhost:80", "[::1]:80", "unix:/tmp/s"]) func describes(_ text: String) {
        #expect(WireAddress(text)?.description == text)
    }
}

@Suite struct ReconnectBackoffTests {
    @Test func growsToItsMaximumWithJitter() {
        let backoff = ReconnectBackoff()
        #expect(backoff.pause(failures: 1, unit: 0.5) == .milliseconds(200))
        #expect(backoff.pause(failures: 2, unit: 0.5) == .milliseconds(320))
        #expect(backoff.pause(failures: 1, unit: 0) == .milliseconds(160))
        var last = TimeAmount.zero
        for failures in 1...200 {
            let pause = backoff.pause(failures: failures, unit: 0.5)
            #expect(pause >= last && pause <= backoff.maximum)
            last = pause
        }
        #expect(last == backoff.maximum)
        #expect(backoff.pause(failures: .max, unit: 0.999) <= .seconds(36))
    }
}
