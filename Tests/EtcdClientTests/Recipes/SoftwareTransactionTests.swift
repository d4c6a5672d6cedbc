// SPDX-License-Identifier: Apache-2.0

import MartletEtcdClient
import MartletTestPrograms
import Synchronization
import Testing

@Suite(.serialized, .timeLimit(.minutes(30))) struct SoftwareTransactionTests {
    @Test(arguments: EtcdProcess.Kind.available)
    func nothingIsLostBetweenReadAndWrite(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, _ in
            try await withThrowingTaskGroup { group in
                for _ in 0..<6 {
                    group.addTask {
                        for _ in 0..<5 {
                            try await client.atomically { transaction in
                                let count = try await transaction.get("count").flatMap { Int($0) } ?? 0
                                transaction.put("count", "\(count + 1)")
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await client.get("count").keyValues.map(\.valueText) == ["30"])
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func readsSeeOneRevisionAndOwnWrites(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, _ in
            try await client.put("a/1", "old")
            try await client.put("a/2", "old")
            var rounds = 0
            let seen = try await client.atomically { transaction in
                rounds += 1
                let one = try await transaction.get("a/1")
                // Somebody comes between, once.
                if rounds == 1 {
                    try await client.put("a/1", "new")
                    try await client.put("a/2", "new")
                }
                let two = try await transaction.get("a/2")
                #expect(one == two)
                transaction.put("a/3", "mine")
                transaction.delete("a/1")
                let all = try await transaction.get(EtcdKeyRange.prefix("a/"))
                #expect(all.map { String(decoding: $0.key, as: UTF8.self) } == ["a/2", "a/3"])
                #expect(try await transaction.get("a/1") == nil)
                return try await transaction.get("a/3")
            }
            #expect(seen == "mine")
            #expect(rounds == 2)
            #expect(try await client.get(.prefix("a/")).keyTexts == ["a/2", "a/3"])
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func keysThatComeOrGoInARangeAreConflicts(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, _ in
            try await client.put("p/1", "1")
            for change in ["add", "delete", "nothing"] {
                var rounds = 0
                try await client.atomically { transaction in
                    rounds += 1
                    let all = try await transaction.get(EtcdKeyRange.prefix("p/"))
                    if rounds == 1 {
                        if change == "add" { try await client.put("p/2", "1") }
                        if change == "delete" { try await client.delete("p/2") }
                    }
                    transaction.put("count", "\(all.count)")
                }
                #expect(rounds == (change == "nothing" ? 1 : 2), "\(change)")
                let count = change == "add" ? "2" : "1"
                #expect(try await client.get("count").keyValues.map(\.valueText) == [count])
            }
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func writesOfOthersSinceTheReadsAreConflicts(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, _ in
            var rounds = 0
            try await client.atomically { transaction in
                rounds += 1
                _ = try await transaction.get("read")
                if rounds == 1 { try await client.put("written", "theirs") }
                transaction.put("written", "ours")
            }
            #expect(rounds == 2)
            // Nothing but writes needs nobody's leave.
            try await client.atomically { $0.put("written", "blind") }
            #expect(try await client.get("written").keyValues.map(\.valueText) == ["blind"])
            await EtcdClientTests.expect(.conflict) {
                try await client.atomically(maximumAttempts: 3) { transaction in
                    _ = try await transaction.get("written")
                    try await client.put("written", "theirs")
                    transaction.put("written", "ours")
                }
            }
            #expect(try await client.get("written").keyValues.map(\.valueText) == ["theirs"])
        }
    }
}
