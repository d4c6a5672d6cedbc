// SPDX-License-Identifier: Apache-2.0

import Martlet
import Testing

@Suite struct NodeIdentityTests {
    @Test func uuidsHaveVersion4sShapeAndDiffer() {
        let uuids = (0..<100).map { _ in NodeIdentity.uuid() }
        #expect(Set(uuids).count == 100)
        for uuid in uuids {
            let parts = uuid.split(separator: "-")
            #expect(parts.map(\.count) == [8, 4, 4, 4, 12])
            #expect(parts[2].first == "4")
            #expect("89ab".contains(parts[3].first ?? "x"))
            #expect(uuid.allSatisfy { $0 == "-" || ($0.isHexDigit && !$0.isUppercase) })
        }
    }

    @Test func privateRangesAreGoMicros() {
        for address in [
            "10.0.0.1", "172.16.0.1", "172.31.255.1", "192.168.1.1", "100.64.0.1", "100.127.0.1", "fd00::2",
        ] {
            #expect(NodeIdentity.isPrivate(address), "\(address)")
        }
        for address in ["11.0.0.1", "172.15.0.1", "172.32.0.1", "192.169.1.1", "100.63.0.1", "100.128.0.1", "fe80::1"] {
            #expect(!NodeIdentity.isPrivate(address), "\(address)")
        }
    }

    @Test func aHostThatMeansAllIsReplaced() {
        let interfaces = ["127.0.0.1", "::1", "8.8.8.8", "10.1.2.3"]
        for host in ["", "0.0.0.0", "::"] {
            #expect(NodeIdentity.advertisedHost(host, interfaces: interfaces) == "10.1.2.3")
            #expect(NodeIdentity.advertisedHost(host, interfaces: ["127.0.0.1", "8.8.8.8"]) == "8.8.8.8")
            #expect(NodeIdentity.advertisedHost(host, interfaces: ["127.0.0.1"]) == "127.0.0.1")
        }
        // Found where a machine's first address is a private IPv6 one.
        let mixed = ["fd00::2", "127.0.0.1", "10.1.2.3"]
        #expect(NodeIdentity.advertisedHost("0.0.0.0", interfaces: mixed) == "10.1.2.3")
        #expect(NodeIdentity.advertisedHost("", interfaces: ["fd00::2", "127.0.0.1"]) == "127.0.0.1")
        #expect(NodeIdentity.advertisedHost("::", interfaces: mixed) == "fd00::2")
        #expect(NodeIdentity.advertisedHost("example.org", interfaces: interfaces) == "example.org")
    }
}
