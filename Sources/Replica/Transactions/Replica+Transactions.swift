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
    package mutating func transact(
        _ request: StoreRequest, for waiter: WaiterID, at moment: Moment, into effects: inout Effects
    ) {
        if let error = refusal(of: request, at: moment) {
            effects.replies.append(.init(waiter: waiter, result: .failure(error)))
            return
        }
        commands.storeCount += 1
        commands.storeBytes += request.bytes.count
        let slot = commands.insert(
            CommandQueue.Running(
                client: Self.noClient, content: .store(request, waiter), reply: ReplyWriter(), began: ticks))
        proposeOrHold(slot, at: moment)
    }

    /// No client of Redis's protocol has it.
    private static let noClient = UInt64.max

    private mutating func refusal(of request: StoreRequest, at moment: Moment) -> ReplicaError? {
        if let error = unavailability { return error }
        if !allRead(.storesAndUsers) { return .notCapable }
        let limits = configuration.limits
        if request.bytes.count + RecordField.headBytes + RecordField.tailBytes > limits.requestBytesMax {
            return .requestTooLarge
        }
        if commands.storeCount >= limits.pendingWritesMax
            || commands.storeBytes + request.bytes.count > limits.pendingBytesMax
        {
            return .tooManyRequests
        }
        do throws(StoreRefusal) {
            try request.validate(maximumOperations: limits.transactionOperationsMax)
        } catch {
            return error.error
        }
        let write = WriteRequest.txn(request.keyPart)
        if let error = cluster.alarms.refusal(of: write) { return error }
        if !hasSpace(for: write, at: moment) { return .noSpace }
        if isKeyspaceFull(at: moment), request.transaction.streamOperations.contains(where: \.isAppend) {
            return .refusedStreams(.full)
        }
        return nil
    }

    /// Puts a transaction into the record.
    mutating func propose(store request: StoreRequest, _ slot: Int) {
        commands.record.append(store: request.recordBytes)
        commands.parts.append(.store(slot: slot))
        if commands.blocked.isEmpty { return }
        for operation in request.transaction.streamOperations where operation.isAppend {
            anticipate(operation.arguments, database: StreamOperation.database)
        }
    }

    // MARK: Applying

    /// A client's transaction.
    ///
    /// - Returns: what it lacks; empty when it is done.
    mutating func carryOut(
        store slot: Int, _ plan: CommandQueue.Plan, _ item: Int, _ isHalfway: inout Bool, into effects: inout Effects
    ) -> [WantedBlock] {
        var running = commands.take(slot)
        guard case .store(let request, _) = running.content else { preconditionFailure("nothing in \(slot)") }
        let wanted = carryOut(
            request, &running.store, now: plan.stamp, seed: KeyspaceRecord.seed(plan.seed, item: item),
            &running.storeResult)
        if !wanted.isEmpty {
            isHalfway = running.store?.isHalfway == true
            commands.put(running, in: slot)
            return wanted
        }
        answer(running, slot, into: &effects)
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
        while running.outcomes.count < running.operations.count {
            let operation = running.operations[running.outcomes.count]
            let wanted = keyspace.wantedBlocks(operation, now: now)
            if !wanted.isEmpty {
                progress = running
                return wanted
            }
            running.outcomes.append(
                keyspace.apply(operation, now: now, seed: seed &+ UInt64(running.outcomes.count)))
        }
        do throws(KeyValueError) {
            hasPut = true
            let keys = try store.txn(running.keyRequest)
            var outcomes = running.outcomes[...]
            result = .success(running.path.response(keys, &outcomes))
        } catch {
            preconditionFailure("what was tested is refused: \(error)")
        }
        progress = nil
        return []
    }

    private mutating func begin(_ request: StoreRequest, now: Int64) throws(ReplicaError) -> StoreProgress {
        let transaction = request.transaction
        if let error = cluster.alarms.refusal(of: .txn(request.keyPart)) { throw error }
        try authorize(request)
        do throws(StoreRefusal) {
            try transaction.validateShape(KeyValueStore.maximumAppliedOperations)
            let progress = StoreProgress(try path(transaction, now: now))
            do throws(KeyValueError) { try store.check(progress.keyRequest) } catch { throw .keys(error) }
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

    /// Asked for all of it, whichever side would run.
    private func authorize(_ request: StoreRequest) throws(ReplicaError) {
        guard auth.isEnabled else { return }
        do throws(AuthError) {
            try auth.authorize(request.transaction, as: request.identity, attachedKeys: store.attachedKeys(of:))
        } catch {
            throw .unauthorized(error)
        }
    }

    /// Depth is bounded by the decoder, and by validation before the request was proposed.
    private func path(_ transaction: StoreTransaction, now: Int64) throws(StoreRefusal) -> StoreProgress.Path {
        var succeeded = true
        for condition in transaction.conditions {
            switch condition {
            case .keys(let compare): succeeded = store.holds(compare)
            case .streams(let compare):
                do throws(StreamRefusal) {
                    succeeded = try keyspace.holds(compare, now: now)
                } catch {
                    throw .streams(error)
                }
            }
            if !succeeded { break }
        }
        let operations = succeeded ? transaction.success : transaction.failure
        var nested: [StoreProgress.Path] = []
        for case .transaction(let inner) in operations { nested.append(try path(inner, now: now)) }
        return StoreProgress.Path(succeeded: succeeded, operations: operations, nested: nested)
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
