// SPDX-License-Identifier: Apache-2.0

/// A stream with its groups as one client knows them that alone works with it: what each command does and answers
/// follows from what came before.
package struct StreamModel: Hashable, Sendable {
    package struct Pending: Hashable, Sendable {
        package var consumer: String
        package var count: Int64
    }

    package struct Group: Hashable, Sendable {
        package var last: StreamEntryID
        package var pending: [StreamEntryID: Pending] = [:]
        package var consumers: Set<String> = []
        /// The policy: milliseconds.
        package var visibility: Int64?
    }

    /// IDs by their numbers, in order.
    package var entries: [StreamEntryID] = []
    package var groups: [String: Group] = [:]

    package init() {}

    package enum Command: Hashable, Sendable {
        /// An entry with a number that no other has, by a producer who says which one it is.
        case append(Int)
        case create(group: String, at: StreamEntryID)
        case destroy(group: String)
        case move(group: String, to: StreamEntryID)
        case setPolicy(group: String, visibility: Int64)
        case removeConsumer(group: String, consumer: String)
        case read(group: String, consumer: String, count: Int)
        /// All that is pending, and all that is new.
        case readAndClaim(group: String, consumer: String)
        case acknowledge(group: String, [StreamEntryID])
        case claim(group: String, consumer: String, [StreamEntryID], count: Int64)
        case claimAutomatically(group: String, consumer: String, from: StreamEntryID, count: Int)

        package func line(stream: String) -> String {
            func text(_ ids: [StreamEntryID]) -> String { ids.map(\.description).joined(separator: " ") }
            return switch self {
            case .append(let number): "XADD \(stream) IDMP keeper \(number) * n \(number)"
            case .create(let group, let id): "XGROUP CREATE \(stream) \(group) \(id) MKSTREAM"
            case .destroy(let group): "XGROUP DESTROY \(stream) \(group)"
            case .move(let group, let id): "XGROUP SETID \(stream) \(group) \(id)"
            case .setPolicy(let group, let time): "XGROUP SETPOLICY \(stream) \(group) VISIBILITY \(time)"
            case .removeConsumer(let group, let consumer): "XGROUP DELCONSUMER \(stream) \(group) \(consumer)"
            case .read(let group, let consumer, let count):
                "XREADGROUP GROUP \(group) \(consumer) COUNT \(count) STREAMS \(stream) >"
            case .readAndClaim(let group, let consumer):
                "XREADGROUP GROUP \(group) \(consumer) CLAIM 0 STREAMS \(stream) >"
            case .acknowledge(let group, let ids): "XACK \(stream) \(group) \(text(ids))"
            case .claim(let group, let consumer, let ids, let count):
                "XCLAIM \(stream) \(group) \(consumer) 0 \(text(ids)) RETRYCOUNT \(count) FORCE JUSTID"
            case .claimAutomatically(let group, let consumer, let start, let count):
                "XAUTOCLAIM \(stream) \(group) \(consumer) 0 \(start) COUNT \(count) JUSTID"
            }
        }
    }

    /// Does what a command does.
    ///
    /// - Parameter id: an appended entry's.
    /// - Returns: what it answers, as `text` has it; an entry's fields are its number.
    package mutating func apply(_ command: Command, appended id: StreamEntryID? = nil) -> String {
        switch command {
        case .append:
            guard let id else { preconditionFailure("an append without its ID") }
            entries.append(id)
            return "\(id)"
        case .create(let group, let id):
            groups[group] = Group(last: id)
            return "+OK"
        case .destroy(let group):
            return groups.removeValue(forKey: group) == nil ? ":0" : ":1"
        case .move(let group, let id):
            groups[group]?.last = id
            return "+OK"
        case .setPolicy(let group, let time):
            groups[group]?.visibility = time
            return "+OK"
        case .removeConsumer(let group, let consumer):
            groups[group]?.consumers.remove(consumer)
            let held = groups[group]?.pending.filter { $0.value.consumer == consumer }.map(\.key) ?? []
            for id in held { groups[group]?.pending[id] = nil }
            return ":\(held.count)"
        case .read(let group, let consumer, let count):
            return told(groups[group]!.read(entries, consumer, count: count))
        case .readAndClaim(let group, let consumer):
            let claimed = groups[group]!.claimAll(consumer)
            return told(claimed + groups[group]!.read(entries, consumer, count: .max))
        case .acknowledge(let group, let ids):
            return ":\(ids.count { groups[group]?.pending.removeValue(forKey: $0) != nil })"
        case .claim(let group, let consumer, let ids, let count):
            groups[group]?.consumers.insert(consumer)
            for id in ids { groups[group]?.pending[id] = Pending(consumer: consumer, count: count) }
            return "[\(ids.map(\.description).joined(separator: ", "))]"
        case .claimAutomatically(let group, let consumer, let start, let count):
            groups[group]?.consumers.insert(consumer)
            let ids = groups[group]!.pending.keys.filter { $0 >= start }.sorted()
            for id in ids.prefix(count) { groups[group]?.pending[id]?.consumer = consumer }
            let next = ids.dropFirst(count).first.map(\.description) ?? "0-0"
            return "[\(next), [\(ids.prefix(count).map(\.description).joined(separator: ", "))], []]"
        }
    }

    /// IDs of what a read told, in order.
    private func told(_ ids: [StreamEntryID]) -> String { ids.map(\.description).joined(separator: " ") }
}

extension StreamModel.Group {
    fileprivate mutating func read(_ entries: [StreamEntryID], _ consumer: String, count: Int) -> [StreamEntryID] {
        consumers.insert(consumer)
        let ids = entries.filter { $0 > last }.prefix(count)
        for id in ids { pending[id] = StreamModel.Pending(consumer: consumer, count: 1) }
        last = ids.last ?? last
        return Array(ids)
    }

    fileprivate mutating func claimAll(_ consumer: String) -> [StreamEntryID] {
        let ids = pending.keys.sorted()
        for id in ids {
            pending[id]?.consumer = consumer
            pending[id]?.count += 1
        }
        return ids
    }
}

/// An entry's ID.
package struct StreamEntryID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package static let zero = StreamEntryID(milliseconds: 0, sequence: 0)

    package var milliseconds: UInt64
    package var sequence: UInt64

    package init(milliseconds: UInt64, sequence: UInt64) {
        self.milliseconds = milliseconds
        self.sequence = sequence
    }

    package init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let first = UInt64(parts[0]), let second = UInt64(parts[1]) else { return nil }
        self.init(milliseconds: first, sequence: second)
    }

    package static func < (left: StreamEntryID, right: StreamEntryID) -> Bool {
        (left.milliseconds, left.sequence) < (right.milliseconds, right.sequence)
    }

    package var description: String { "\(milliseconds)-\(sequence)" }
}
