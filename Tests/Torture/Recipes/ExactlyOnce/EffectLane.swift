// SPDX-License-Identifier: Apache-2.0

import MartletEmbedded

/// One consumer of the group: takes some messages, has their effects and acknowledges them in one step, takes the next.
struct EffectLane {
    let store: MartletStore
    let consumer: String
    let options: WorkerOptions
    /// Steps that were tried, for keys that nobody else writes.
    private var serial = 0
    /// Whether messages may be pending to this consumer that it doesn't know of.
    private var isDoubtful = false
    private var nextClaim = ContinuousClock.now
    private var cursor = RedisStreamID.zero

    /// How long what a dead worker had stays with it. Longer than most elections, so that few are claimed from the
    /// living; those that are must be refused to them.
    private static let claimAfter = Duration.milliseconds(1_500)
    private static let claimInterval = Duration.milliseconds(700)
    private static let readBlock = Duration.milliseconds(300)

    init(store: MartletStore, consumer: String, options: WorkerOptions) {
        (self.store, self.consumer, self.options) = (store, consumer, options)
    }

    private var stream: String { WorkPlaces.messages.name }
    private var group: String { WorkPlaces.group }

    /// Runs until something fails that mustn't.
    mutating func run() async throws {
        while true {
            do {
                let entries = try await take()
                if !entries.isEmpty { try await settle(entries) }
            } catch {
                guard Recipes.isExpected(error) else { throw error }
                isDoubtful = true
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    private mutating func take() async throws -> [RedisEntry] {
        if isDoubtful {
            let left = try await store.streams.xreadgroup(
                group, consumer, [.pending(of: stream)], configure: { $0.count = options.batch })
            let entries = left.flatMap(\.entries)
            isDoubtful = !entries.isEmpty
            return entries
        }
        if ContinuousClock.now >= nextClaim {
            let claim = try await store.streams.xautoclaim(
                stream, group, consumer, minimumIdle: Self.claimAfter, start: cursor, count: options.batch)
            cursor = claim.next
            // A walk that was begun goes on behind these.
            nextClaim = .now + (cursor == .zero ? Self.claimInterval : .zero)
            if !claim.claimed.isEmpty {
                WorkerProgram.tell("\(WorkerProgram.Line.claimed)\(claim.claimed.count)")
                return claim.claimed
            }
        }
        return try await store.streams.xreadgroup(
            group, consumer, [.undelivered(of: stream)], block: Self.readBlock,
            configure: { $0.count = options.batch }
        ).flatMap(\.entries)
    }

    private mutating func settle(_ entries: [RedisEntry]) async throws {
        let numbers = try entries.map { try WorkPlaces.messages.message(of: $0).number }
        let ids = entries.map(\.id)
        serial += 1
        let key = "\(WorkPlaces.effectKeys)\(consumer).\(serial)"
        func effect(_ branch: inout StoreTransaction.Branch) throws {
            branch.put(key, numbers.map { "\($0)" }.joined(separator: ","))
            for number in numbers { try branch.append(WorkPlaces.Message(number: number), to: WorkPlaces.effects) }
        }
        switch options.wrong {
        case nil:
            let isSettled = try await store.settle(ids, of: stream, group: group, consumer: consumer, effect: effect)
            if !isSettled {
                WorkerProgram.tell(WorkerProgram.Line.refused)
                isDoubtful = true
            }
        case .twoSteps:
            try await store.transact { try effect(&$0.then) }
            try await store.streams.xack(stream, group, ids)
        case .ackFirst:
            try await store.streams.xack(stream, group, ids)
            try await store.transact { try effect(&$0.then) }
        case .noCondition:
            try await store.transact { transaction in
                transaction.then.acknowledge(ids, of: stream, group: group)
                try effect(&transaction.then)
            }
        }
    }
}
