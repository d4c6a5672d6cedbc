// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletRaft

extension Replica {
    /// Queues a client's write, or refuses it.
    mutating func enqueue(_ write: Write, for waiter: WaiterID, at moment: Moment, into effects: inout Effects) {
        let error = refusal(of: write)
        if let error {
            effects.replies.append(.init(waiter: waiter, result: .failure(error)))
            return
        }
        let header = nextHeader()
        enqueue(.write(write.request), LogRecord.bytes(write, header: header, stamp: stamp(at: moment)), waiter)
    }

    private func refusal(of write: Write) -> ReplicaError? {
        switch phase {
        case .ended: return .stopped
        case .created, .bootstrapping: return .noLeader
        case .running: break
        }
        let limits = configuration.limits
        if write.bytes.count + RecordField.headBytes + RecordField.tailBytes > limits.requestBytesMax {
            return .requestTooLarge
        }
        guard isLeader else { return .noLeader }
        let waiting = pending.count - pendingHead + queuedWrites.count
        if waiting >= limits.pendingWritesMax || pendingBytes >= limits.pendingBytesMax { return .tooManyRequests }
        if store.uncheckpointedBytes >= limits.uncheckpointedBytesMax, !write.request.freesMemory {
            return .tooManyRequests
        }
        return nil
    }

    /// What nobody waits for.
    mutating func enqueue(_ request: LogRecord.Request, at moment: Moment) {
        let record = LogRecord(header: nextHeader(), stamp: stamp(at: moment), request: request)
        enqueue(request, record.encoded(), nil)
    }

    private mutating func enqueue(_ request: LogRecord.Request, _ bytes: [UInt8], _ waiter: WaiterID?) {
        pendingBytes += bytes.count
        queuedWrites.append(PendingWrite(waiter: waiter, request: request, byteCount: bytes.count))
        queue.append(Proposal(data: bytes))
    }

    private mutating func nextHeader() -> LogRecord.Header {
        defer { nextRecordID &+= 1 }
        return LogRecord.Header(id: nextRecordID)
    }

    /// The wall clock, but never below what is in the log.
    private mutating func stamp(at moment: Moment) -> UInt64 {
        lastStamp = max(lastStamp, moment.wallMilliseconds)
        return lastStamp
    }

    /// Hands the queue to Raft, which takes all of it or nothing.
    mutating func proposeQueued(into effects: inout Effects) {
        guard !queue.isEmpty else { return }
        var outcome: ReplicaError?
        do throws(RequestError) {
            switch try node.propose(queue) {
            case .appended(let first):
                for (offset, var write) in queuedWrites.enumerated() {
                    write.id = EntryID(index: first.index + offset, term: first.term)
                    if case .memberAttributes = write.request, write.waiter == nil { publishIndex = write.id.index }
                    pending.append(write)
                }
            case .forwarded:
                preconditionFailure("a \(node.role) proposed what it was to refuse")
            }
        } catch {
            switch error {
            case .noLeader: outcome = .noLeader
            case .transferring: outcome = .leaderChanged
            case .tooMuchUncommitted, .configurationChangePending, .tooManyReads: outcome = .tooManyRequests
            }
        }
        if let outcome {
            for write in queuedWrites {
                pendingBytes -= write.byteCount
                guard let waiter = write.waiter else { continue }
                effects.replies.append(.init(waiter: waiter, result: .failure(outcome)))
            }
        }
        queue.removeAll(keepingCapacity: true)
        queuedWrites.removeAll(keepingCapacity: true)
    }

    /// What was proposed as this entry. What was proposed as an earlier one, or as this one in another term, has been
    /// replaced: it is lost, and its waiter told.
    mutating func takePending(_ id: EntryID, into effects: inout Effects) -> PendingWrite? {
        while pendingHead < pending.count, pending[pendingHead].id.index <= id.index {
            let write = pending[pendingHead]
            pendingHead += 1
            pendingBytes -= write.byteCount
            if pendingHead == pending.count {
                pending.removeAll(keepingCapacity: true)
                pendingHead = 0
            }
            if write.id == id { return write }
            if let waiter = write.waiter {
                effects.replies.append(.init(waiter: waiter, result: .failure(.leaderChanged)))
            }
        }
        if pendingHead > Self.answeredKeptMax {
            pending.removeFirst(pendingHead)
            pendingHead = 0
        }
        return nil
    }

    /// Answered writes that may stay in front of the waiting ones.
    static let answeredKeptMax = 1024

    /// The member's name and addresses, and the version of a new cluster.
    mutating func publish(at moment: Moment) {
        let attributes = MemberAttributes(
            member: configuration.member.rawValue, name: configuration.name, clientURLs: configuration.clientURLs)
        enqueue(.memberAttributes(attributes), at: moment)
        if cluster.version.isEmpty { enqueue(.clusterVersion(configuration.clusterVersion), at: moment) }
    }
}

extension WriteRequest {
    /// Whether to refuse it for want of memory would be to refuse the remedy.
    var freesMemory: Bool {
        switch self {
        case .compact, .leaseRevoke: true
        case .put, .deleteRange, .txn, .leaseGrant: false
        }
    }
}
