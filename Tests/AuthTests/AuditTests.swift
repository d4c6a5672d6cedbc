// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletKeyValue
import Testing

@Suite struct AuditTests {
    @Test func aLineShowsWhatItMayAndOnOneLine() {
        #expect(AuditRecord.shown(bytes("orders/1")) == "orders/1")
        #expect(AuditRecord.shown(bytes("a\nb\"\\") + [0, 0xFF]) == #"a\x0ab\x22\x5c\x00\xff"#)
        let long = AuditRecord.shown([UInt8](repeating: UInt8(ascii: "k"), count: 10_000))
        #expect(long == String(repeating: "k", count: AuditRecord.shownBytes) + "...")
        let record = AuditRecord(
            user: bytes("ann"), peer: "10.0.0.1:5", wire: .redis, request: "xadd", key: bytes("s"), reason: "no")
        #expect(
            record.fields.map { "\($0.name)=\($0.value)" } == [
                "user=ann", "peer=10.0.0.1:5", "protocol=redis", "request=xadd", "key=s", "reason=no",
            ])
        let stranger = AuditRecord(
            user: nil, claimedUser: bytes("bo\rb"), peer: "", wire: .etcd, request: "a/b", reason: "wrong")
        #expect(stranger.fields.map(\.value) == ["", "", "etcd", "a/b", #"bo\x0db"#, "wrong"])
    }

    @Test func aUserHasSoManyLinesAMinute() {
        var throttle = AuditThrottle()
        #expect(throttle.due == nil && throttle.suppressed(at: .seconds(1000)).isEmpty)
        let begin = Duration.seconds(100)
        var written = 0
        for index in 0..<1000 where throttle.admits(bytes("ann"), at: begin + .milliseconds(index)) { written += 1 }
        #expect(written == AuditThrottle.linesPerMinute)
        // Others have theirs.
        let hasRoom = throttle.admits(bytes("bob"), at: begin + .seconds(2))
        #expect(hasRoom && throttle.due == begin + .seconds(60))
        let early = throttle.suppressed(at: begin + .seconds(59))
        #expect(early.isEmpty)
        let told = throttle.suppressed(at: begin + .seconds(60))
        #expect(told == [.init(user: bytes("ann"), count: 1000 - written)])
        let again = throttle.suppressed(at: begin + .seconds(60))
        #expect(again.isEmpty && throttle.due == nil)
        let isAdmitted = throttle.admits(bytes("ann"), at: begin + .seconds(61))
        #expect(isAdmitted)
    }

    @Test func namesThatNobodyHasShareTheirLines() {
        var throttle = AuditThrottle()
        var written = 0
        for _ in 0..<500 where throttle.admits(nil, at: .zero) { written += 1 }
        #expect(written == AuditThrottle.linesPerMinute)
        // So do those beyond the number of users who are told apart.
        written = 0
        for index in 0..<AuditThrottle.maximumUsers + 50 where throttle.admits(bytes("u\(index)"), at: .zero) {
            written += 1
        }
        #expect(written == AuditThrottle.maximumUsers)
        let told = throttle.suppressed(at: .seconds(60))
        #expect(told == [.init(user: nil, count: 500 - AuditThrottle.linesPerMinute + 50)])
    }

    @Test func whatIsADenialAndWhatIsNot() {
        #expect(
            AuthError.allCases.filter(\.isDenial) == [
                .userNameEmpty, .authenticationFailed, .noPasswordUser, .permissionDenied, .invalidToken,
            ])
    }

    @Test func theFirstThingThatIsDenied() throws {
        let store = try AuthStore.populated()
        let request = TxnRequest(success: [
            .range(RangeRequest(key: bytes("b"))), .put(PutRequest(key: bytes("c1"))),
            .put(PutRequest(key: bytes("x"))), .put(PutRequest(key: bytes("y"))),
        ])
        #expect(store.firstDenied(request, of: "alice") == .write(.key(bytes("x"))))
        #expect(store.firstDenied(request, of: "root") == nil)
        #expect(store.firstDenied(request, of: "nobody") == .read(.key(bytes("b"))))
    }
}
