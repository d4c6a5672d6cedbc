// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletRaft

/// What one step may still apply.
struct ApplyBudget {
    private var entries: Int
    private var bytes: Int

    init(_ limits: ReplicaLimits) {
        entries = limits.entriesPerStep
        bytes = limits.bytesPerStep
    }

    var isSpent: Bool { entries <= 0 || bytes <= 0 }

    mutating func spend(_ entry: Entry) {
        entries -= 1
        bytes -= entry.data.count
    }
}

extension Replica {
    /// Applies committed entries in order, as far as the budget goes.
    mutating func applyCommitted(_ budget: inout ApplyBudget, at moment: Moment, into effects: inout Effects) {
        let revision = store.revision
        while committedHead < committed.count, !budget.isSpent {
            let entry = committed[committedHead]
            do throws(RecordError) {
                try apply(entry, at: moment, into: &effects)
            } catch {
                effects.failure = .unreadableEntry(entry.index, error)
                return
            }
            committedHead += 1
            budget.spend(entry)
            applied = AppliedPosition(index: entry.index, term: entry.term)
        }
        if committedHead == committed.count {
            committed.removeAll(keepingCapacity: true)
            committedHead = 0
        }
        node.applied(upTo: applied.index)
        if store.revision != revision || store.hasWatchesToCatchUp { effects.hasWatchWork = true }
    }

    private mutating func apply(_ entry: Entry, at moment: Moment, into effects: inout Effects) throws(RecordError) {
        let waiting = takePending(entry.id, into: &effects)
        switch entry.kind {
        case .configurationChange:
            let change = try MemberChange(entry.data)
            cluster.apply(change)
            node.apply(change.change)
        case .normal:
            // A leader's first entry.
            if entry.data.isEmpty { return }
            let request: LogRecord.Request
            if let waiting {
                // As it was decoded from the same bytes.
                request = waiting.request
                cluster.stamp = max(cluster.stamp, try LogRecord.stamp(of: entry.data))
            } else {
                let record = try LogRecord(entry.data)
                request = record.request
                cluster.stamp = max(cluster.stamp, record.stamp)
            }
            lastStamp = max(lastStamp, cluster.stamp)
            switch request {
            case .write(let write):
                apply(write, for: waiting?.waiter, at: moment, into: &effects)
            case .clusterVersion(let version):
                cluster.version = version
            case .memberAttributes(let attributes):
                cluster.apply(attributes)
                if entry.index == publishIndex, waiting != nil {
                    isPublished = true
                    effects.isReady = true
                }
            }
        }
    }

    private mutating func apply(
        _ request: WriteRequest, for waiter: WaiterID?, at moment: Moment, into effects: inout Effects
    ) {
        let result: Result<WriteResponse, ReplicaError>
        do throws(KeyValueError) {
            result = .success(try change(request, at: moment))
        } catch {
            result = .failure(.refused(error))
        }
        guard let waiter else { return }
        if case .compact(let request, physical: true) = request, case .success(.compact(let response)) = result {
            physicalCompactions.append((waiter, request, response))
            answerPhysicalCompactions(into: &effects)
            return
        }
        effects.replies.append(.init(waiter: waiter, result: result))
    }

    /// A request that throws has changed nothing. Time concerns only when a lease runs out for this member, which is
    /// not part of the state.
    private mutating func change(_ request: WriteRequest, at moment: Moment) throws(KeyValueError) -> WriteResponse {
        switch request {
        case .put(let request): return .put(try store.put(request))
        case .deleteRange(let request): return .deleteRange(try store.deleteRange(request))
        case .txn(let request): return .txn(try store.txn(request))
        case .compact(let request, _): return .compact(try store.compact(request))
        case .leaseGrant(let id, let ttlSeconds):
            let granted = try store.grantLease(id: id, ttlSeconds: ttlSeconds, now: moment.monotonic)
            return .leaseGrant(id, ttlSeconds: granted)
        case .leaseRevoke(let id): return .leaseRevoke(try store.revokeLease(id))
        }
    }

    // MARK: Compaction

    /// Removes some of what compactions left behind. How far that has come never shows in an answer.
    mutating func reclaim(into effects: inout Effects) {
        guard case .running = phase, store.hasCompactedToReclaim else { return }
        _ = store.reclaimCompacted(limit: configuration.limits.reclaimedPerStep)
        answerPhysicalCompactions(into: &effects)
    }

    /// Those whose old versions are gone, on disk too: removal waits for a checkpoint that holds what is compacted.
    mutating func answerPhysicalCompactions(into effects: inout Effects) {
        guard !physicalCompactions.isEmpty, !store.hasCompactedToReclaim else { return }
        physicalCompactions.removeAll { compaction in
            guard store.checkpointRevision >= compaction.request.revision else { return false }
            effects.replies.append(
                .init(waiter: compaction.waiter, result: .success(.compact(compaction.response))))
            return true
        }
    }
}
