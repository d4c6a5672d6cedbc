// SPDX-License-Identifier: Apache-2.0

import MartletCommand
import MartletEtcdSnapshot
import MartletNode
import Testing

@Suite struct SnapshotTextTests {
    @Test(
        arguments: [
            (0, "0 B"), (9, "9 B"), (10, "10 B"), (999, "999 B"), (1000, "1.0 kB"), (9949, "9.9 kB"), (9950, "10 kB"),
            (20480, "20 kB"), (21504, "22 kB"), (999_400, "999 kB"), (999_499, "1000 kB"), (82_854_982, "83 MB"),
            (5_000_000_000, "5.0 GB"),
        ] as [(UInt64, String)])
    func sizes(_ bytes: UInt64, _ text: String) {
        #expect(SnapshotStatusText.size(bytes) == text)
    }

    /// As etcd 3.6's tool prints them: the file says its version.
    @Test func formsWithAVersion() {
        let text = SnapshotStatusText(
            EtcdSnapshotStatus(
                hash: 0x1c_0a17, revision: 1_234_567_890, keyCount: 15, byteCount: 20480, storageVersion: "3.6.0"))
        #expect(text.lines(.simple) == ["1c0a17, 1234567890, 15, 20 kB, 3.6.0"])
        #expect(
            text.lines(.json) == [
                #"{"hash":1837591,"revision":1234567890,"totalKey":15,"totalSize":20480,"version":"3.6.0"}"#
            ])
        #expect(
            text.lines(.table) == [
                "+--------+------------+------------+------------+---------+",
                "|  HASH  |  REVISION  | TOTAL KEYS | TOTAL SIZE | VERSION |",
                "+--------+------------+------------+------------+---------+",
                "| 1c0a17 | 1234567890 |         15 |      20 kB |   3.6.0 |",
                "+--------+------------+------------+------------+---------+",
            ])
        #expect(text.lines(.fields).last == "\"Version\" : 3.6.0")
    }

    @Test func switchesInGosForm() {
        let words = ["snapshot", "restore", "--a=true", "--b=false", "--a", "--c=true", "--a=maybe", "--b=1"]
        #expect(
            GoFlags.normalized(words, flags: ["--a", "--b"])
                == ["snapshot", "restore", "--a", "--a", "--c=true", "--a=maybe", "--b"])
    }

    @Test func identitiesOfMembers() throws {
        let cluster = try InitialCluster("default=http://localhost:2380", token: "etcd-cluster")
        #expect(cluster.id == 0xcdf8_1819_4e3a_8c32)
        #expect(
            try cluster.member(named: "default", advertising: "http://localhost:2380").id == 0x8e9e_05c5_2164_694d)
        let two = try InitialCluster(" a=http://h:2, b=http://h:3,a=http://h:1", token: "t")
        #expect(two.members.map(\.name) == ["a", "b"])
        #expect(two.members[0].peerURLs == ["http://h:1", "http://h:2"])
        #expect(try two.member(named: "a", advertising: "http://h:2,http://h:1").id == two.members[0].id)
    }

    @Test(arguments: ["", "a", "a=", "a=h:1", "a=http://h:1,b=http://h:1", "b=http://h:1", "a=http://h:2"])
    func refusesClusters(_ text: String) {
        #expect(throws: (any Error).self) {
            try InitialCluster(text, token: "t").member(named: "a", advertising: "http://h:1")
        }
    }
}
