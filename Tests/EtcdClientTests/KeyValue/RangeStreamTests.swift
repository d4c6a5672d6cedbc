// SPDX-License-Identifier: Apache-2.0

import MartletEtcdClient
import MartletTestPrograms
import Testing

/// Servers without RangeStream are read in pages; callers see no difference but in how it is cut.
@Suite(.serialized, .timeLimit(.minutes(30))) struct RangeStreamTests {
    @Test(arguments: EtcdProcess.Kind.available)
    func aRangeComesInPartsOfOneRevision(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, _ in
            let value = String(repeating: "v", count: 4096)
            for number in 1000..<1200 { try await client.put("r/\(number)", value) }
            let revision = try await client.put("s", "outside").revision
            var parts: [[EtcdKeyValue]] = []
            let read = try await client.read(.prefix("r/")) { part in
                // What changes meanwhile is not seen.
                if parts.isEmpty { try await client.delete("r/1199") }
                parts.append(part)
            }
            #expect(read == revision)
            #expect(parts.joined().map(\.keyText) == (1000..<1200).map { "r/\($0)" })
            #expect(parts.joined().allSatisfy { $0.valueText == value })
            #expect(parts.allSatisfy { !$0.isEmpty })
            if kind == .martlet { #expect(parts.count > 1) }

            var keys: [String] = []
            let old = try await client.read(.from("r/1198".utf8), revision: revision, isKeysOnly: true) {
                #expect($0.allSatisfy { $0.value.isEmpty })
                keys += $0.map(\.keyText)
            }
            #expect(old == revision)
            #expect(keys == ["r/1198", "r/1199", "s"])
            let none = try await client.read(.prefix("t/")) { #expect($0.isEmpty) }
            #expect(none > revision)
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func whatCannotBeReadIsSaid(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, _ in
            for number in 0..<3 { try await client.put("r/\(number)", "v") }
            let revision = try await client.put("r/3", "v").revision
            await EtcdClientTests.expect(.futureRevision) {
                try await client.read(.prefix("r/"), revision: 1000) { _ in }
            }
            try await client.compact(to: revision)
            await EtcdClientTests.expect(.compacted) { try await client.read(.prefix("r/"), revision: 2) { _ in } }
            struct Enough: Error {}
            await #expect(throws: Enough.self) { try await client.read(.prefix("r/")) { _ in throw Enough() } }
        }
    }
}
