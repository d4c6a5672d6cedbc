// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletEtcdClient
import MartletRESPClient
import MartletRESPCodec
import MartletTestPrograms
import Testing

/// Redis's clients before several processes of one cluster.
@Suite("streams of a cluster of processes", .serialized, .timeLimit(.minutes(4)))
struct StreamClusterTests {
    /// The leader's place among the members.
    private static func leader(of members: [EtcdProcess]) async throws -> Int {
        let client = try EtcdClient(EtcdClient.Configuration(endpoints: members.map(\.endpoint)))
        var leader: Int?
        _ = try await eventually {
            for (place, member) in members.enumerated()
            where (try? await client.maintenance.status(of: member.endpoint))?.isLeader == true {
                leader = place
            }
            return leader != nil
        }
        await client.close()
        return try #require(leader)
    }

    @Test("any member takes commands, and what one was told all others know")
    func anyMember() async throws {
        try await EtcdProcess.withCluster(.martlet, servesStreams: true) { members in
            let ports = try members.map { try #require($0.streamPort) }
            for (count, port) in (ports + ports).enumerated() {
                try await RawClient.with(port: port) { client in
                    let id = try await client.run("XADD s * n \(count)")
                    #expect(id.hasSuffix("-0") || id.hasSuffix("-1"), "\(id)")
                }
                for other in ports {
                    try await RawClient.with(port: other) { client in
                        let length = try await client.run("XLEN s")
                        #expect(length == ":\(count + 1)")
                        #expect(try await client.run("WAIT 1 100") == ":1")
                        #expect(try await client.run("WAITAOF 1 1 100") == "[:1, :1]")
                    }
                }
            }
            try await RawClient.with(port: ports[0]) { consumer in
                #expect(try await consumer.run("XGROUP CREATE s g $") == "+OK")
                for port in ports {
                    try await consumer.send("XREADGROUP GROUP g c BLOCK 20000 STREAMS s >\r\n")
                    try await RawClient.with(port: port) { producer in
                        let begun = try await producer.run("MULTI")
                        #expect(begun == "+OK")
                        #expect(try await producer.run("XADD s * from \(port)") == "+QUEUED")
                        #expect(try await producer.run("PING") == "+QUEUED")
                        let replies = try await producer.run("EXEC")
                        #expect(replies.hasSuffix("+PONG]"))
                    }
                    let got = try await consumer.next().map { text($0) } ?? ""
                    #expect(got.contains("[from, \(port)]"), "\(got)")
                }
                #expect(try await consumer.run("READONLY") == "+OK")
                #expect(try await consumer.run("XLEN s") == ":9")
                #expect(try await consumer.run("READWRITE") == "+OK")
            }
        }
    }

    @Test("readers wait on when the leader is killed, and what was acknowledged is there")
    func leaderKilled() async throws {
        try await EtcdProcess.withCluster(.martlet, servesStreams: true) { members in
            var acknowledged: [String] = []
            for round in 0..<3 {
                let leader = try await Self.leader(of: members)
                let others = members.indices.filter { $0 != leader }
                let near = try #require(members[others[0]].streamPort)
                let far = try #require(members[others[1]].streamPort)
                try await RawClient.with(port: near) { consumer in
                    _ = try await consumer.run("XGROUP CREATE s g 0 MKSTREAM")
                    _ = try await consumer.run("XREADGROUP GROUP g c STREAMS s >")
                    try await RawClient.with(port: try #require(members[leader].streamPort)) { producer in
                        for number in 0..<50 {
                            acknowledged.append(try await producer.run("XADD s * n \(round).\(number)"))
                        }
                    }
                    var taken = 0
                    while taken < 50 {
                        let reply = try await consumer.run("XREADGROUP GROUP g c BLOCK 5000 STREAMS s >")
                        let count = reply.components(separatedBy: "[n, ").count - 1
                        try #require(count > 0, "\(reply)")
                        taken += count
                    }
                    try await consumer.send("XREADGROUP GROUP g c BLOCK 60000 STREAMS s >\r\n")
                    await members[leader].kill()
                    try await RawClient.with(port: far) { producer in
                        var (id, tries) = ("-", 0)
                        while id.hasPrefix("-"), tries < 20 {
                            id = try await producer.run("XADD s * after \(round)")
                            tries += 1
                        }
                        #expect(!id.hasPrefix("-"), "\(id)")
                        acknowledged.append(id)
                    }
                    let got = try await consumer.next().map { text($0) } ?? ""
                    #expect(got.contains("[after, \(round)]"), "\(got)")
                }
                try await members[leader].restart()
            }
            for member in members {
                try await RawClient.with(port: try #require(member.streamPort)) { client in
                    let all = try await client.run("XRANGE s - +")
                    for id in acknowledged { #expect(all.contains("[\(id), "), "\(id) at \(member.endpoint)") }
                    let replication = try await client.run("INFO replication")
                    #expect(replication.contains("martlet_voters:3"))
                }
            }
            #expect(acknowledged.count == 153 && Set(acknowledged).count == 153)
        }
    }
}
