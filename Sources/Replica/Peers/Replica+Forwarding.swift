// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft

// A follower hands writes to the leader, once, and waits until they come back as entries. What only a leader may say
// goes to nobody.
extension Replica {
    mutating func forwardQueue(into effects: inout Effects) {
        dropLeadersOwn(includingCommands: node.leader == nil, into: &effects)
        // They wait for a leader.
        guard node.leader != nil else { return }
        var plans = commands.takeNewest(queuedWrites.count { $0.isKeyspaceRecord })[...]
        var begin = 0
        while begin < queue.count {
            var (end, bytes) = (begin, 0)
            while end < queue.count, end == begin || bytes + queue[end].data.count <= Self.forwardBytesMax {
                bytes += queue[end].data.count
                end += 1
            }
            do throws(RequestError) {
                _ = try node.propose(Array(queue[begin..<end]))
            } catch {
                preconditionFailure("a follower with a leader could not forward: \(error)")
            }
            for place in begin..<end {
                let id = noteForwarded(queuedWrites[place], queue[place].data)
                if queuedWrites[place].isKeyspaceRecord { commands.forward(plans.removeFirst(), id: id) }
            }
            begin = end
        }
        queue.removeAll(keepingCapacity: true)
        queuedWrites.removeAll(keepingCapacity: true)
    }

    /// In one message: one that is lost should not take everything with it.
    static let forwardBytesMax = 1 << 20

    /// - Returns: the record's id.
    private mutating func noteForwarded(_ write: PendingWrite, _ data: [UInt8]) -> UInt64 {
        var write = write
        switch write.request {
        case .write(.alarm), .keyspace: break
        // It is read from the entry.
        default: write.request = nil
        }
        do throws(RecordError) {
            write.recordID = try LogRecord.id(of: data)
        } catch {
            preconditionFailure("an own record can't be read: \(error)")
        }
        write.forwardedIn = node.term
        forwarded.insert(write, id: write.recordID)
        return write.recordID
    }

    /// The write that came back as an entry of another member's, if it was handed over by this one.
    mutating func takeForwarded(_ id: UInt64) -> PendingWrite? {
        guard let write = forwarded.take(id) else { return nil }
        pendingBytes -= write.byteCount
        return write
    }

    /// A leader's first entry is applied, and before it all that its log had of earlier terms: what was handed to their
    /// leaders is not there. It may be on its way still, so nobody knows whether it takes effect.
    mutating func loseForwarded(before term: Term, into effects: inout Effects) {
        lose(forwarded.takeAll { $0.forwardedIn < term }, into: &effects)
    }

    /// As above, where a state takes the place of entries. Of this term's writes it may hold some: those of keys go on
    /// waiting. Records are answered by plans, which go with the entries.
    mutating func loseForwarded(to state: EntryID, into effects: inout Effects) {
        lose(forwarded.takeAll { $0.isKeyspaceRecord || $0.forwardedIn < state.term }, into: &effects)
    }

    private mutating func lose(_ writes: [PendingWrite], into effects: inout Effects) {
        for write in writes {
            pendingBytes -= write.byteCount
            if case .write(.alarm) = write.request { isRaisingNoSpace = false }
            // With the next tick: nobody is ready before it is known.
            if write.isPublication { nextPublication = ticks }
            if write.isKeyspaceRecord {
                lose(commands.takeForwarded(write.recordID), .timedOut(.leaderFailed), into: &effects)
            }
            guard let waiter = write.waiter else { continue }
            effects.replies.append(.init(waiter: waiter, result: .failure(.timedOut(.leaderFailed))))
        }
    }

    /// Takes out of the queue what rests on this member's clock, or on its leading: it no longer leads.
    ///
    /// - Parameter includingCommands: also what is of Redis's clients.
    mutating func dropLeadersOwn(includingCommands: Bool, into effects: inout Effects) {
        func isDropped(_ write: PendingWrite) -> Bool {
            write.isLeadersOwn || includingCommands && write.isKeyspaceRecord
        }
        guard queuedWrites.contains(where: isDropped) else { return }
        if includingCommands {
            let records = queuedWrites.count { $0.isKeyspaceRecord }
            for plan in commands.takeNewest(records) { lose(plan, .leaderChanged, into: &effects) }
        }
        var kept = 0
        for place in queuedWrites.indices {
            let write = queuedWrites[place]
            if isDropped(write) {
                refuseQueued(write, .leaderChanged, into: &effects)
                continue
            }
            if kept < place {
                queuedWrites[kept] = write
                queue[kept] = queue[place]
            }
            kept += 1
        }
        queuedWrites.removeSubrange(kept...)
        queue.removeSubrange(kept...)
    }
}
