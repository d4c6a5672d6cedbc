// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft

// A follower hands writes to the leader, once, and waits until they come back as entries. What only a leader may say
// goes to nobody.
extension Replica {
    mutating func forwardQueue(into effects: inout Effects) {
        dropLeadersOwn(into: &effects)
        // They wait for a leader.
        guard node.leader != nil else { return }
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
            for place in begin..<end { noteForwarded(queuedWrites[place], queue[place].data) }
            begin = end
        }
        queue.removeAll(keepingCapacity: true)
        queuedWrites.removeAll(keepingCapacity: true)
    }

    /// In one message: one that is lost should not take everything with it.
    static let forwardBytesMax = 1 << 20

    private mutating func noteForwarded(_ write: PendingWrite, _ data: [UInt8]) {
        var write = write
        // It is read from the entry.
        if case .write(.alarm) = write.request {} else { write.request = nil }
        do throws(RecordError) {
            forwarded.insert(write, id: try LogRecord.id(of: data))
        } catch {
            preconditionFailure("an own record can't be read: \(error)")
        }
    }

    /// The write that came back as an entry of another member's, if it was handed over by this one.
    mutating func takeForwarded(_ id: UInt64) -> PendingWrite? {
        guard let write = forwarded.take(id) else { return nil }
        pendingBytes -= write.byteCount
        return write
    }

    /// Takes out of the queue what rests on this member's clock, or on its leading: it no longer leads.
    mutating func dropLeadersOwn(into effects: inout Effects) {
        guard queuedWrites.contains(where: { $0.isLeadersOwn || $0.isKeyspaceRecord }) else { return }
        let records = queuedWrites.count { $0.isKeyspaceRecord }
        for plan in commands.takeNewest(records) { lose(plan, .leaderChanged, into: &effects) }
        var kept = 0
        for place in queuedWrites.indices {
            let write = queuedWrites[place]
            if write.isLeadersOwn || write.isKeyspaceRecord {
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
