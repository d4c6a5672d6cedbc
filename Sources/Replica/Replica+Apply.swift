// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletKeyValue
import MartletKeyspace
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
            if commands.halted != nil {
                goOn(at: moment, into: &effects)
            } else {
                do throws(RecordError) {
                    try apply(entry, at: moment, into: &effects)
                } catch {
                    effects.failure = .unreadableEntry(entry.index, error)
                    return
                }
            }
            // All behind it waits too.
            if commands.halted != nil { break }
            committedHead += 1
            budget.spend(entry)
            applied = AppliedPosition(index: entry.index, term: entry.term)
        }
        if committedHead == committed.count {
            committed.removeAll(keepingCapacity: true)
            committedHead = 0
        }
        node.applied(upTo: applied.index)
        forgetAnswered()
        if hasPut {
            hasPut = false
            checkQuota(at: moment)
        }
        if store.revision != revision || store.hasWatchesToCatchUp { effects.hasWatchWork = true }
    }

    private mutating func apply(_ entry: Entry, at moment: Moment, into effects: inout Effects) throws(RecordError) {
        let waiting = takePending(entry.id, into: &effects)
        switch entry.kind {
        case .configurationChange:
            let result = try apply(MemberChange(entry.data), into: &effects)
            // Of the one that held the version down.
            publishVersion(at: moment)
            if let waiter = waiting?.waiter { effects.replies.append(.init(waiter: waiter, result: result)) }
        case .jointChange:
            apply(try MemberReplacement(entry.data), for: waiting, into: &effects)
            publishVersion(at: moment)
        case .normal:
            // A leader's first entry.
            if entry.data.isEmpty {
                loseForwarded(before: entry.term, into: &effects)
                if isLeader, entry.term == node.term { beginTerm(at: moment) }
                return
            }
            if let waiting, let request = waiting.request {
                // As it was decoded from the same bytes.
                note(stamp: waiting.stamp)
                try apply(
                    request, as: waiting.identity, for: waiting.waiter, plan: .proposed,
                    isPublication: waiting.isPublication, entry.index, at: moment, into: &effects)
            } else {
                let record = try LogRecord(entry.data)
                note(stamp: record.stamp)
                let returned = forwarded.isEmpty ? nil : takeForwarded(record.header.id)
                let isOwnRecord = returned?.isKeyspaceRecord == true
                try apply(
                    record.request, as: record.header.identity, for: returned?.waiter,
                    plan: isOwnRecord ? .forwarded(record.header.id) : .none,
                    isPublication: returned?.isPublication ?? false, entry.index, at: moment, into: &effects)
            }
        }
    }

    private mutating func note(stamp: UInt64) {
        cluster.stamp = max(cluster.stamp, stamp)
        lastStamp = max(lastStamp, cluster.stamp)
    }

    /// What this member knows of a record of Redis's clients.
    private enum KnownPlan {
        case none
        /// The member has proposed it as a leader in its present life.
        case proposed
        /// The member has handed it to the leader in its present life.
        case forwarded(UInt64)
    }

    /// - Parameters:
    ///   - isPublication: it tells of this member, and was asked for in its present life.
    private mutating func apply(
        _ request: LogRecord.Request, as identity: AuthIdentity, for waiter: WaiterID?, plan: KnownPlan,
        isPublication: Bool, _ index: LogIndex, at moment: Moment, into effects: inout Effects
    ) throws(RecordError) {
        switch request {
        case .keyspace(let record):
            switch plan {
            case .proposed: apply(commands.takePlan(), at: moment, into: &effects)
            case .forwarded(let id): try apply(forwarded: id, record, at: moment, into: &effects)
            case .none: try apply(keyspaceRecord: record, at: moment, into: &effects)
            }
        case .write(let write):
            // Raised, lifted or refused: whether it has to be raised is asked anew.
            if case .alarm = write { isRaisingNoSpace = false }
            let result: Result<WriteResponse, ReplicaError>
            do throws(ReplicaError) {
                result = .success(try perform(write, as: identity, at: index, moment, into: &effects))
            } catch {
                result = .failure(error)
            }
            if let waiter { answer(result, to: write, of: waiter, into: &effects) }
        case .leaseRemainders(let remainders):
            apply(remainders, for: waiter, at: moment, into: &effects)
        case .clusterVersion(let version):
            cluster.version = version
        case .memberAttributes(let attributes):
            cluster.apply(attributes)
            publishVersion(at: moment)
            if isPublication, !isPublished {
                isPublished = true
                effects.isReady = true
            }
        }
    }

    private mutating func answer(
        _ result: Result<WriteResponse, ReplicaError>, to request: WriteRequest, of waiter: WaiterID,
        into effects: inout Effects
    ) {
        if case .compact(let request, physical: true) = request, case .success(.compact(let response)) = result {
            physicalCompactions.append((waiter, request, response))
            answerPhysicalCompactions(into: &effects)
            return
        }
        effects.replies.append(.init(waiter: waiter, result: result))
    }

    /// Does what the request asks, if alarms and permissions allow. A request that throws has changed nothing.
    private mutating func perform(
        _ request: WriteRequest, as identity: AuthIdentity, at index: LogIndex, _ moment: Moment,
        into effects: inout Effects
    ) throws(ReplicaError) -> WriteResponse {
        if let error = cluster.alarms.refusal(of: request) { throw error }
        if auth.isEnabled {
            do throws(AuthError) {
                try auth.authorize(request, as: identity, in: store)
            } catch {
                throw .unauthorized(error)
            }
        }
        switch request {
        case .put, .deleteRange, .txn, .compact, .leaseGrant, .leaseRevoke:
            do throws(KeyValueError) {
                return try change(request, at: moment)
            } catch {
                throw .refused(error)
            }
        case .alarm(let request):
            return .alarms(cluster.alarms.apply(request))
        case .auth(let request):
            do throws(AuthError) {
                return .auth(try change(request, as: identity, at: index, into: &effects))
            } catch {
                throw .unauthorized(error)
            }
        case .downgrade(let info):
            cluster.downgrade = info
            return .downgrade(info)
        }
    }

    private mutating func change(
        _ request: AuthRequest, as identity: AuthIdentity, at index: LogIndex, into effects: inout Effects
    ) throws(AuthError) -> AuthResponse {
        // A name stands for one user of either kind.
        if case .userAdd(let name, _, _) = request, keyspace.access.list.claims(name.bytes) {
            try auth.checkAdministrator(identity)
            throw .userExists
        }
        let outcome = try auth.apply(request, as: identity)
        if !outcome.changes.isEmpty { showAuth() }
        authTable.note(outcome.changes, in: auth)
        if outcome.tokens != .none { effects.tokens.append(.apply(outcome.tokens)) }
        if case .authenticated(let name, let revision, let simpleToken) = outcome.response {
            effects.tokens.append(.assign(name: name, revision: revision, simpleToken: simpleToken, index: index))
        }
        return outcome.response
    }

    /// What concerns keys and leases. A request that throws has changed nothing. Time concerns only when a lease runs
    /// out for this member, which is not part of the state.
    private mutating func change(_ request: WriteRequest, at moment: Moment) throws(KeyValueError) -> WriteResponse {
        switch request {
        case .put(let request):
            hasPut = true
            return .put(try store.put(request))
        case .deleteRange(let request): return .deleteRange(try store.deleteRange(request))
        case .txn(let request):
            hasPut = true
            return .txn(try store.txn(request))
        case .compact(let request, _): return .compact(try store.compact(request))
        case .leaseGrant(let id, let ttlSeconds):
            let granted = try store.grantLease(id: id, ttlSeconds: ttlSeconds, now: moment.monotonic)
            expectLeaseNote(id, at: moment)
            return .leaseGrant(id, ttlSeconds: granted)
        case .leaseRevoke(let id): return .leaseRevoke(try store.revokeLease(id))
        case .alarm, .auth, .downgrade: preconditionFailure("no request about keys or leases: \(request)")
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
