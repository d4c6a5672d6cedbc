// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletKeyValue
import MartletKeyspace
import MartletRESPCodec

// Transactions over keys and streams go the way of commands: an item of the record that holds what clients of a turn
// have asked, and a slot for whoever waits.
extension Replica {
    /// Has a transaction written to the log; refused at once, or answered when it is applied. Goes out as
    /// `Event.propose` does.
    public mutating func transact(
        _ request: StoreRequest, for waiter: WaiterID, at moment: Moment, into effects: inout Effects
    ) {
        if let error = refusal(of: request, at: moment) {
            effects.replies.append(.init(waiter: waiter, result: .failure(error)))
            return
        }
        let slot = commands.stores.insert(.init(request: request, waiter: waiter, began: ticks))
        if mustHoldCommands { commands.hold(.store(slot: slot)) } else { commands.stores.due.append(slot) }
    }

    private mutating func refusal(of request: StoreRequest, at moment: Moment) -> ReplicaError? {
        if let error = unavailability { return error }
        if !allRead(.storesAndUsers) { return .notCapable }
        let limits = configuration.limits
        if request.bytes.count + RecordField.headBytes + RecordField.tailBytes > limits.requestBytesMax {
            return .requestTooLarge
        }
        if commands.stores.count >= limits.pendingWritesMax
            || commands.stores.byteCount + request.bytes.count > limits.pendingBytesMax
        {
            return .tooManyRequests
        }
        do throws(StoreRefusal) {
            try request.validate(maximumOperations: limits.transactionOperationsMax)
        } catch {
            return error.error
        }
        if let error = cluster.alarms.refusal(cost: request.spaceCost) { return error }
        if !hasSpace(cost: request.spaceCost, at: moment) { return .noSpace }
        if isKeyspaceFull(at: moment), request.transaction.streamOperations.contains(where: \.isAppend) {
            return .refusedStreams(.full)
        }
        return nil
    }

    /// Puts a transaction into the record.
    mutating func propose(store slot: Int) {
        let request = commands.stores[slot].request
        commands.record.append(storeByteCount: request.recordByteCount) { request.encode(into: &$0) }
        commands.parts.append(.store(slot: slot))
        if commands.blocked.isEmpty { return }
        for operation in request.transaction.streamOperations where operation.isAppend {
            anticipate(operation.arguments, database: StreamOperation.database)
        }
    }

    // MARK: Applying

    /// A client's transaction, where no blocks can be missing.
    mutating func carryOut(store slot: Int, _ plan: CommandQueue.Plan, into effects: inout Effects) {
        let asked = commands.stores.remove(slot)
        let result: Result<WriteResponse, ReplicaError>
        do throws(ReplicaError) {
            var running = try begin(asked.request, now: plan.stamp)
            let seed = KeyspaceRecord.seed(plan.seed, item: 0)
            while let operation = running.next { carryOut(operation, of: &running, now: plan.stamp, seed: seed) }
            result = .success(.transact(finish(running)))
        } catch {
            result = .failure(error)
        }
        effects.replies.append(.init(waiter: asked.waiter, result: result))
    }

    /// A client's transaction.
    ///
    /// - Returns: what it lacks; empty when it is done.
    mutating func carryOut(
        store slot: Int, _ plan: CommandQueue.Plan, _ record: inout CommandQueue.HaltedRecord,
        into effects: inout Effects
    ) -> [WantedBlock] {
        var result: Result<StoreTransactionResponse, ReplicaError>?
        let wanted = carryOut(
            commands.stores[slot].request, &record.store, now: plan.stamp,
            seed: KeyspaceRecord.seed(plan.seed, item: record.item), &result)
        if !wanted.isEmpty {
            record.isHalfway = record.store?.isHalfway == true
            return wanted
        }
        guard let result else { preconditionFailure("a transaction without a result") }
        let waiter = commands.stores.remove(slot).waiter
        effects.replies.append(.init(waiter: waiter, result: result.map { .transact($0) }))
        return []
    }

    /// Does what a transaction asks, as far as the blocks go that are in memory: tests all of it first, then changes
    /// streams, and keys last, when nothing can come between.
    ///
    /// - Returns: what it lacks; empty when it is done: then there is a result. One that fails has changed nothing.
    mutating func carryOut(
        _ request: StoreRequest, _ progress: inout StoreProgress?, now: Int64, seed: UInt64,
        _ result: inout Result<StoreTransactionResponse, ReplicaError>?
    ) -> [WantedBlock] {
        var running: StoreProgress
        if let known = progress {
            running = known
        } else {
            do throws(ReplicaError) {
                running = try begin(request, now: now)
            } catch {
                result = .failure(error)
                return []
            }
        }
        while let operation = running.next {
            let wanted = keyspace.wantedBlocks(operation, now: now)
            if !wanted.isEmpty {
                progress = running
                return wanted
            }
            carryOut(operation, of: &running, now: now, seed: seed)
        }
        result = .success(finish(running))
        progress = nil
        return []
    }

    private mutating func carryOut(
        _ operation: StreamOperation, of running: inout StoreProgress, now: Int64, seed: UInt64
    ) {
        running.outcomes.append(keyspace.apply(operation, now: now, seed: seed &+ UInt64(running.outcomes.count)))
    }

    /// Changes keys, when streams are changed.
    private mutating func finish(_ running: StoreProgress) -> StoreTransactionResponse {
        hasPut = true
        let keys = store.run(running.keys)
        var first = 0
        return running.path.response(keys, running.outcomes, from: &first)
    }

    // These change nothing, but for what reads of streams leave behind. They lend the replica all the same: lent for
    // reading alone it is copied, some thousand bytes at each call.

    private mutating func begin(_ request: StoreRequest, now: Int64) throws(ReplicaError) -> StoreProgress {
        if let error = cluster.alarms.refusal(cost: request.spaceCost) { throw error }
        if auth.isEnabled { try authorize(request) }
        do throws(StoreRefusal) {
            let progress = try chosen(request, now: now)
            do throws(StreamRefusal) {
                try keyspace.check(progress.operations, now: now)
            } catch {
                throw .streams(error)
            }
            return progress
        } catch {
            throw error.error
        }
    }

    /// What conditions choose, its keys checked.
    private mutating func chosen(_ request: StoreRequest, now: Int64) throws(StoreRefusal) -> StoreProgress {
        try request.validateAppliedShape()
        guard request.isPlain else {
            var operations: [StreamOperation] = []
            let (path, keys) = try path(request.transaction, now: now, &operations)
            do throws(KeyValueError) {
                return StoreProgress(path: path, keys: try store.checked(keys), operations: operations)
            } catch {
                throw .keys(error)
            }
        }
        let succeeded = try hold(request.conditions, now: now)
        let side = request.side(succeeded)
        do throws(KeyValueError) {
            return StoreProgress(
                path: .init(succeeded: succeeded, order: side.order), keys: try store.checked(valid: side.keys),
                operations: side.streams)
        } catch {
            throw .keys(error)
        }
    }

    /// Asked for all of it, whichever side would run.
    private func authorize(_ request: StoreRequest) throws(ReplicaError) {
        do throws(AuthError) {
            try auth.authorize(request.transaction, as: request.identity, attachedKeys: store.attachedKeys(of:))
        } catch {
            throw .unauthorized(error)
        }
    }

    /// The side that conditions choose, and those of the transactions inside. Depth is bounded by the decoder, and by
    /// validation before the request was proposed.
    ///
    /// - Returns: also what of them concerns keys; what concerns streams goes to `operations`.
    private mutating func path(
        _ transaction: StoreTransaction, now: Int64, _ operations: inout [StreamOperation]
    ) throws(StoreRefusal) -> (StoreProgress.Path, TxnRequest) {
        let succeeded = try hold(transaction.conditions, now: now)
        let side = succeeded ? transaction.success : transaction.failure
        var path = StoreProgress.Path(succeeded: succeeded, order: side.order)
        var keys = TxnRequest()
        for operation in side.operations {
            switch operation {
            case .keys(let operation): keys.success.append(operation)
            case .transaction(let inner):
                let (innerPath, innerKeys) = try self.path(inner, now: now, &operations)
                path.nested.append(innerPath)
                keys.success.append(.txn(innerKeys))
            case .streams(let operation): operations.append(operation)
            }
        }
        return (path, keys)
    }

    /// Whether all of the conditions do.
    private mutating func hold(_ conditions: [StoreTransaction.Condition], now: Int64) throws(StoreRefusal) -> Bool {
        for condition in conditions {
            switch condition {
            case .keys(let compare): if !store.holds(compare) { return false }
            case .streams(let compare):
                do throws(StreamRefusal) {
                    if try !keyspace.holds(compare, now: now) { return false }
                } catch {
                    throw .streams(error)
                }
            }
        }
        return true
    }

    /// What keeps commands of Redis's clients from keys.
    var keyConditions: KeyConditions {
        var conditions = KeyConditions()
        conditions.asksUsers = auth.isEnabled
        conditions.hasNoSpace = cluster.alarms.hasNoSpace
        conditions.isCorrupt = cluster.alarms.hasCorrupt
        return conditions
    }

    /// Why a command isn't carried out, whatever the state; `nil`: nothing speaks against it. The same from when a
    /// command is proposed until it is applied.
    func refusal(
        of entry: CommandEntry, _ arguments: @autoclosure () -> Arguments, refusesGrowth: Bool
    ) -> StaticString? {
        if refusesGrowth, entry.mayGrow { return Self.fullText }
        guard entry.concernsKeys else { return nil }
        let words = arguments()
        let byteCount = words.packedRange(from: 0).count + RecordField.headBytes + RecordField.tailBytes
        if byteCount > configuration.limits.requestBytesMax { return Self.requestTooLargeText }
        return entry.refusal(words, maximumOperations: configuration.limits.transactionOperationsMax)
    }

    /// Source: etcd.
    static let requestTooLargeText: StaticString = "ERR etcdserver: request is too large"
}
