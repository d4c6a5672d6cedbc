// SPDX-License-Identifier: Apache-2.0

import MartletEtcdClient
import MartletTestPrograms
import Testing

@Suite(.serialized, .timeLimit(.minutes(30))) struct ElectionTests {
    @Test(arguments: EtcdProcess.Kind.available)
    func leadersTakeTurnsAndAreSeen(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, _ in
            #expect(try await client.leader(of: "post") == nil)
            var leaders = client.leaders(of: "post").makeAsyncIterator()
            var seen = [try await leaders.next()??.valueText]
            let firstLeads = AsyncStream.makeStream(of: Void.self)
            let firstMayResign = AsyncStream.makeStream(of: Void.self)
            let first = Task {
                try await client.withLeadership(of: "post", value: "first") { leadership in
                    firstLeads.continuation.yield()
                    for await _ in firstMayResign.stream { break }
                    try await leadership.proclaim("first again")
                    let guarded = try await client.transaction(
                        when: [leadership.condition], then: [.put("by", "leader")])
                    #expect(guarded.succeeded)
                    return leadership.fencingToken
                }
            }
            for await _ in firstLeads.stream { break }
            #expect(try await client.leader(of: "post")?.valueText == "first")
            let second = Task {
                try await client.withLeadership(of: "post", value: "second") { leadership in
                    try await leadership.proclaim("second again")
                    return leadership.fencingToken
                }
            }
            #expect(try await eventually { try await client.get(.prefix("post/")).count == 2 })
            firstMayResign.continuation.yield()
            let tokens = try await (first.value, second.value)
            #expect(tokens.0 < tokens.1)
            for _ in 0..<5 { seen.append(try await leaders.next()??.valueText) }
            #expect(seen == [nil, "first", "first again", "second", "second again", nil])
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func whoeverLostTheKeyProclaimsNothing(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, _ in
            try await client.withSession { session in
                await EtcdClientTests.expect(.notLeader) {
                    try await session.withLeadership(of: "post", value: "me") { leadership in
                        try await client.delete(.key(leadership.key))
                        // In a task of its own: this one may be cancelled by now.
                        await Task {
                            await EtcdClientTests.expect(.notLeader) { try await leadership.proclaim("still me") }
                        }.value
                        try await SessionTests.sleepUntilCancelled()
                    }
                }
                let next = try await client.leader(of: "post")
                #expect(next == nil)
            }
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func observersOutliveCompaction(kind: EtcdProcess.Kind) async throws {
        try await EtcdProcess.with(kind) { server in
            let relay = try CuttingRelay(to: server.endpoint)
            let through = try EtcdClient.patient(try await relay.start())
            let direct = try EtcdClient.patient(server.endpoint)
            var leaders = through.leaders(of: "post").makeAsyncIterator()
            #expect(try await leaders.next() == .some(nil))
            await relay.sever()
            try await direct.put("post/1", "gone")
            try await direct.put("post/1", "here")
            let revision = try await direct.put("other", "1").revision
            try await direct.compact(to: revision, isPhysical: true)
            relay.mend()
            #expect(try await leaders.next()??.valueText == "here")
            await through.close()
            await direct.close()
            await relay.stop()
        }
    }
}
