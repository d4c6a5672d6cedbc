// SPDX-License-Identifier: Apache-2.0

import MartletEtcdServer
import Testing

@Suite struct MemberIdentityTests {
    @Test func etcdsDefaultMemberAndCluster() {
        let identity = MemberIdentity(peerURLs: ["http://localhost:2380"], clusterToken: "etcd-cluster")
        #expect(identity.memberID == 0x8e9e_05c5_2164_694d)
        #expect(identity.clusterID == 0xcdf8_1819_4e3a_8c32)
    }

    @Test func orderOfURLsDoesNotMatter() {
        let one = MemberIdentity(peerURLs: ["http://a:1", "http://b:1"], clusterToken: "t")
        let other = MemberIdentity(peerURLs: ["http://b:1", "http://a:1"], clusterToken: "t")
        #expect(one == other)
        #expect(one != MemberIdentity(peerURLs: ["http://a:1", "http://b:1"], clusterToken: "u"))
    }
}

@Suite struct SHA1Tests {
    /// FIPS 180 examples, and messages around the block's edges, where padding changes.
    @Test(arguments: [
        ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
        ),
        (String(repeating: "a", count: 55), "c1c8bbdc22796e28c0e15163d20899b65621d65a"),
        (String(repeating: "a", count: 64), "0098ba824b5c16427bd7a1122a5a442a25ec644d"),
        (String(repeating: "a", count: 1000), "291e9a6c66994949b57ba5e650361e98fc36b1ba"),
    ])
    func digest(message: String, expected: String) {
        let hex = SHA1.digest(of: Array(message.utf8)).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        #expect(hex.joined() == expected)
    }
}
