// SPDX-License-Identifier: Apache-2.0

import MartletEtcdClient
import MartletTestPrograms
import Testing

@Suite(.serialized, .timeLimit(.minutes(30))) struct TransactionTests {
    @Test(arguments: EtcdProcess.Kind.available)
    func handlesFindTheirResults(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, _ in
            var transaction = EtcdTransaction()
            transaction.when(.isMissing("owner"))
            let written = transaction.then.put("owner", "me")
            let readBack = transaction.then.get("owner")
            let owner = transaction.otherwise.get("owner")
            let first = try await client.transaction(transaction)
            #expect(first.succeeded)
            #expect(first[written]?.revision == first.revision)
            #expect(first[readBack]?.keyValues.map(\.valueText) == ["me"])
            #expect(first[owner] == nil)
            let second = try await client.transaction(transaction)
            #expect(!second.succeeded)
            #expect(second[written] == nil)
            #expect(second[readBack] == nil)
            #expect(second[owner]?.keyValues.map(\.valueText) == ["me"])
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func allConditions(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, _ in
            let lease = try await client.grantLease(ttlSeconds: 60).id
            let other = EtcdLeaseID(rawValue: lease.rawValue ^ 1)
            let created = try await client.put("k", "5").revision
            let written = try await client.put("k", "7", lease: lease).revision
            let hold: [EtcdComparison] = [
                .exists("k"), .isMissing("none"), .version("k") == 2, .version("k") != 1, .version("k") > 1,
                .version("k") < 3, .createRevision("k") == created, .createRevision("k") < written,
                .modRevision("k") == written, .modRevision("k") > created, .value("k") == "7", .value("k") != "5",
                .value("k") > [0x35], .value("k") < [0x38], .lease("k") == lease, .lease("k") != other,
                .modRevision(.prefix("k")) < written + 1,
            ]
            let fail: [EtcdComparison] = [
                .exists("none"), .isMissing("k"), .version("k") == 1, .version("k") != 2, .version("k") > 2,
                .version("k") < 2, .createRevision("k") == written, .modRevision("k") < written, .value("k") == "5",
                .value("k") != "7", .value("k") > [0x37], .value("k") < [0x37], .lease("k") == other,
                .lease("k") != lease, .value("none") != "7", .modRevision(.prefix("k")) < written,
            ]
            for condition in hold {
                #expect(try await client.transaction(when: [condition], then: []).succeeded, "\(condition)")
            }
            for condition in fail {
                #expect(try await !client.transaction(when: [condition], then: []).succeeded, "\(condition)")
            }
            #expect(try await client.transaction(when: hold, then: []).succeeded)
            #expect(try await !client.transaction(when: hold + [fail[0]], then: []).succeeded)
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func nestedTransactionsAndDeletions(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, _ in
            try await client.put("d/1", "x")
            try await client.put("d/2", "y")
            var inner = EtcdTransaction()
            inner.when(.exists("d/1"))
            let yes = inner.then.put("seen", "yes")
            let no = inner.otherwise.put("seen", "no")
            var outer = EtcdTransaction()
            let deleted = outer.then.delete(.prefix("d/"), returningPrevious: true)
            let decided = outer.then.transaction(inner)
            let result = try await client.transaction(outer)
            #expect(result[deleted]?.count == 2)
            #expect(result[deleted]?.previous.map(\.valueText) == ["x", "y"])
            // Conditions of all levels are tested first.
            let within = try #require(result[decided])
            #expect(within[yes] != nil)
            #expect(within[no] == nil)
            #expect(try await client.get("seen").keyValues.map(\.valueText) == ["yes"])
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func leasesAreKeptAndChangedWithoutTheValue(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, _ in
            let first = try await client.grantLease(ttlSeconds: 60).id
            let second = try await client.grantLease(ttlSeconds: 60).id
            try await client.put("k", "1", lease: first)
            try await client.put("k", "2", keepingLease: true)
            var stored = try #require(try await client.get("k").keyValues.first)
            #expect(stored.leaseID == first)
            #expect(stored.valueText == "2")
            try await client.attach("k".utf8, to: second)
            stored = try #require(try await client.get("k").keyValues.first)
            #expect(stored.leaseID == second)
            #expect(stored.valueText == "2")
            var transaction = EtcdTransaction()
            transaction.then.attach("k".utf8, to: .none)
            transaction.then.put("l", "1", lease: first)
            try await client.transaction(transaction)
            #expect(try await client.get("k").keyValues.map(\.leaseID) == [.none])
            await EtcdClientTests.expect(.invalidRequest) { try await client.attach("none".utf8, to: first) }
            await EtcdClientTests.expect(.invalidRequest) { try await client.put("none", "1", keepingLease: true) }
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func readsAreBoundedByRevisions(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, _ in
            let revisions = try await ["a", "b", "c"].asyncMap { try await client.put("r/\($0)", "1").revision }
            try await client.put("r/a", "2")
            let keys = EtcdKeyRange.prefix("r/")
            #expect(try await client.get(keys) { $0.maximumCreateRevision = revisions[1] }.keyTexts == ["r/a", "r/b"])
            #expect(try await client.get(keys) { $0.minimumCreateRevision = revisions[1] }.keyTexts == ["r/b", "r/c"])
            #expect(try await client.get(keys) { $0.maximumModRevision = revisions[2] }.keyTexts == ["r/b", "r/c"])
            #expect(try await client.get(keys) { $0.minimumModRevision = revisions[2] }.keyTexts == ["r/a", "r/c"])
        }
    }
}

extension EtcdGetResult {
    var keyTexts: [String] { self.keyValues.map(\.keyText) }
}

extension Sequence {
    /// Each element's result, one after the other.
    func asyncMap<Result>(_ body: (Element) async throws -> Result) async rethrows -> [Result] {
        var results: [Result] = []
        for element in self { results.append(try await body(element)) }
        return results
    }
}
