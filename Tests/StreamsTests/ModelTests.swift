// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletStreams
import Testing

/// Random operations on a stream and on its naive twin.
@Suite struct ModelTests {
    /// Operations in all: with optimisation half a minute's worth, a tenth of them without; MARTLET_MODEL_OPERATIONS
    /// says how many else.
    private static let operations: Int = {
        if let number = testNumber("MARTLET_MODEL_OPERATIONS") { return number }
        var isDebug = false
        assert(
            {
                isDebug = true; return true
            }())
        return isDebug ? 50_000 : 500_000
    }()
    /// Operations on one stream; short lives keep the twin's walks short.
    private static let operationsPerStream = 250
    /// What an operation answers is compared each time, all that there is now and then: that takes most of the time.
    private static let operationsPerComparison = 4

    @Test func agreesWithAnArray() throws {
        var random = SeededRandom(seed: testSeed("StreamModel"))
        for run in 0..<(Self.operations / Self.operationsPerStream) {
            var model = Model(random: random.split())
            for step in 0..<Self.operationsPerStream {
                try model.step()
                if (step + 1) % Self.operationsPerComparison == 0 || step + 1 == Self.operationsPerStream {
                    model.compare()
                }
                if let difference = model.difference {
                    Issue.record("run \(run), step \(step), \(model.operation): \(difference)")
                    return
                }
            }
        }
    }

    /// Where in memory a stream lies, and whether it came from a checkpoint, shows in nothing.
    @Test func equalRequestsMakeEqualStates() throws {
        let seed = testSeed("StreamStates")
        func states(_ restores: Bool) throws -> [[UInt8]] {
            var random = SeededRandom(seed: seed)
            return try (0..<10).map { _ in
                var model = Model(random: random.split(), restores: restores)
                for _ in 0..<200 { try model.step() }
                var state: [UInt8] = []
                model.stream.encodeState(into: &state)
                return state
            }
        }
        let one = try states(true)
        #expect(try one == states(true))
        #expect(try one == states(false))
        #expect(Set(one).count == one.count)
    }
}

/// Keeps the first difference that is found. A class, so that a check can speak of the model that it looks at.
private final class Differences {
    private(set) var first: String?

    func note(_ difference: String) {
        if first == nil { first = difference }
    }
}

private struct Model {
    var random: SeededRandom
    var stream: Stream
    var twin = Twin()
    var limits: BlockLimits
    var configuration: StreamConfiguration
    var tables = Tables()
    /// A copy, and what it held when it was made.
    var snapshot: (stream: Stream, ids: [StreamID], pending: [StreamID])?
    var now: Int64 = 1000
    /// Distance of IDs in milliseconds: from dense to beyond what packed leaves hold.
    let stride: UInt64
    var operation = ""
    let restores: Bool
    let differences = Differences()

    var difference: String? { differences.first }

    init(random: SeededRandom, restores: Bool = true) {
        self.random = random
        self.restores = restores
        configuration = small
        if self.random.next() & 3 == 0 { configuration = StreamConfiguration() }
        stream = Stream(configuration: configuration)
        limits = BlockLimits(entries: Int.random(in: 1...9, using: &self.random), bytes: 0)
        stride = [1, 1, 1000, 1 << 33].randomElement(using: &self.random)!
    }

    // MARK: Random choices

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }

    mutating func someID() -> StreamID {
        if below(4) > 0, let entry = twin.entries.randomElement(using: &random) { return entry.id }
        if below(2) == 0, let name = twin.groups.keys.sorted().randomElement(using: &random),
            let id = twin.groups[name]!.pending.keys.sorted().randomElement(using: &random)
        {
            return id
        }
        if below(8) == 0 { return [.zero, .max].randomElement(using: &random)! }
        return StreamID(UInt64(below(Int(twin.last.milliseconds / stride) + 3)) * stride, UInt64(below(3)))
    }

    mutating func someIDs() -> [StreamID] { (0..<below(4) + 1).map { _ in someID() } }
    mutating func group() -> String { ["g", "h", "other"][min(below(5), 2)] }
    mutating func consumer() -> String { ["c", "d", "e", "f"][below(4)] }
    mutating func count() -> Int { below(5) == 0 ? .max : below(8) }
    mutating func policy() -> ReferencePolicy { ReferencePolicy.allCases.randomElement(using: &random)! }

    mutating func someFields() -> FieldList {
        let values = ["", "1", "-1", "0", "007", "9223372036854775807", "-9223372036854775808", "value", "65536", "-0"]
        var list = FieldList()
        let names = below(3) > 0 ? ["a", "b"] : ["a", "c", "d"]
        for name in names.prefix(below(6) == 0 ? 1 : 3) {
            var value = bytes(values.randomElement(using: &random)!)
            if below(20) == 0 { value = [UInt8](repeating: 120, count: below(300)) }
            list.append(name: bytes(name).span.bytes, value: value.span.bytes)
        }
        return list
    }

    func check(_ isEqual: Bool, _ what: @autoclosure () -> String) {
        if !isEqual { differences.note(what()) }
    }

    // MARK: Steps

    mutating func step() throws {
        now += below(3) == 0 ? Int64(below(40)) : 0
        if below(500) == 0 { now += 1 << 33 }
        switch below(30) {
        // Now and then enough for a tree of several levels.
        case 0...9: for _ in 0..<(below(100) == 0 ? 60 : 1) { append() }
        case 10: delete()
        case 11: trim()
        case 12: setLastID()
        case 13: createOrMoveGroup()
        case 14: removeGroupOrConsumer()
        case 15...18: read()
        case 19: history()
        case 20, 21: acknowledge()
        case 22, 23: claim()
        case 24: autoclaim()
        case 25: release()
        case 26: ranges()
        case 27: pendingQueries()
        case 28: try checkpoint()
        default: takeSnapshot()
        }
    }

    mutating func append() {
        operation = "append"
        let fields = someFields()
        var id = twin.last
        let request: AppendID
        switch below(3) {
        case 0:
            request = .automatic
            if UInt64(now) > id.milliseconds { id = StreamID(UInt64(now), 0) } else { id = id.successor ?? .zero }
        case 1:
            id.sequence += 1
            request = .automaticSequence(milliseconds: id.milliseconds)
        default:
            id = StreamID(id.milliseconds + UInt64(below(3)) * stride, UInt64(below(3)))
            request = .explicit(id)
        }
        let result = Result { () throws(StreamError) in
            try stream.append(request, fields, limits: limits, now: now).id
        }
        if id > twin.last {
            check(result == .success(id), "\(result) is not \(id)")
            twin.append(id, fields, blockEntries: limits.entries)
        } else {
            check(result == .failure(id == .zero ? .addIDIsZero : .addIDIsNotAbove), "\(result) for \(id)")
        }
    }

    mutating func delete() {
        operation = "delete"
        let (ids, policy) = (someIDs(), policy())
        if below(3) == 0 {
            let name = group()
            let expected: [DeleteOutcome] = ids.map { id in
                guard twin.groups[name]?.pending.removeValue(forKey: id) != nil else { return .notFound }
                let outcome = twin.delete(id, policy)
                return outcome == .notFound ? .deleted : outcome
            }
            let found = stream.acknowledgeAndDelete(ids, group: bytes(name), policy)
            check(found == expected, "\(found) is not \(expected)")
        } else if below(2) == 0 {
            let expected = ids.count { twin.delete($0, .keep) == .deleted }
            check(stream.delete(ids) == expected, "not \(expected) deleted")
        } else {
            let expected = ids.map { twin.delete($0, policy) }
            let found = stream.delete(ids, policy)
            check(found == expected, "\(found) is not \(expected)")
        }
    }

    mutating func trim() {
        var trim = Trim(
            below(2) == 0 ? .maximumLength(below(twin.entries.count + 3)) : .minimumID(someID()),
            isApproximate: below(2) == 0, limit: below(3) == 0 ? below(20) : nil, policy: policy())
        // Long streams are what trims are for.
        if below(3) > 0 { trim.strategy = .maximumLength(twin.entries.count - min(below(4), twin.entries.count)) }
        operation = "\(trim)"
        let expected = twin.trim(trim)
        let found = stream.trim(trim)
        check(found == expected, "\(found) removed instead of \(expected)")
    }

    mutating func setLastID() {
        operation = "setLastID"
        if below(4) > 0 { return }
        let id = below(2) == 0 ? someID() : StreamID(twin.last.milliseconds + UInt64(below(2)), twin.last.sequence)
        // The end of all IDs is for a test of its own.
        if id == .max { return }
        let added = below(2) == 0 ? Int64(below(100) - 5) : nil
        let deleted = below(3) == 0 ? someID() : nil
        var expected: StreamError?
        if let added, added < 0 {
            expected = .entriesAddedNegative
        } else if id < deleted ?? .zero {
            expected = .lastIDBelowGivenDeletedID
        } else if id < twin.maxDeleted {
            expected = .lastIDBelowDeletedID
        } else if id < twin.entries.last?.id ?? .zero {
            expected = .lastIDBelowTopItem
        } else if let last = stream.lastInBlocks, id < last {
            expected = .lastIDBelowDeletedID
        } else if let added, !twin.entries.isEmpty, added < twin.entries.count {
            expected = .entriesAddedBelowLength
        } else {
            twin.last = id
            if let added { twin.added = added }
            if let deleted, deleted != .zero { twin.maxDeleted = deleted }
        }
        var found: StreamError?
        do throws(StreamError) {
            try stream.setLastID(id, entriesAdded: added, maxDeletedID: deleted)
        } catch {
            found = error
        }
        check(found == expected, "\(String(describing: found)) is not \(String(describing: expected))")
    }

    mutating func createOrMoveGroup() {
        operation = "createOrMoveGroup"
        let name = group()
        let start: Stream.GroupStart = below(3) == 0 ? .last : .after(below(2) == 0 ? .zero : someID())
        var id = twin.last
        if case .after(let given) = start { id = given }
        let read = below(3) == 0 ? Int64(below(20) - 1) : nil
        let counted = read.flatMap { $0 < 0 ? nil : min($0, twin.added) }
        let isThere = twin.groups[name] != nil
        if below(2) == 0 {
            let isMade = (try? stream.createGroup(bytes(name), at: start, entriesRead: read)) != nil
            check(isMade == !isThere, "group \(name) made: \(isMade)")
            if !isThere { twin.groups[name] = Twin.Group(last: id, read: counted) }
        } else {
            let isMoved = (try? stream.setGroup(bytes(name), to: start, entriesRead: read)) != nil
            check(isMoved == isThere, "group \(name) moved: \(isMoved)")
            if isThere { (twin.groups[name]!.last, twin.groups[name]!.read) = (id, counted) }
        }
    }

    mutating func removeGroupOrConsumer() {
        operation = "removeGroupOrConsumer"
        let (name, consumer) = (group(), consumer())
        if below(6) == 0 {
            check(
                stream.destroyGroup(bytes(name)) == (twin.groups.removeValue(forKey: name) != nil), "destroy \(name)")
            return
        }
        guard twin.groups[name] != nil else { return }
        if below(2) == 0 {
            let isNew = twin.groups[name]!.consumers[consumer] == nil
            if isNew { twin.groups[name]!.consumers[consumer] = Twin.Consumer(seenAt: now) }
            let found = try? stream.createConsumer(bytes(consumer), group: bytes(name), now: now)
            check(found == isNew, "create \(consumer)")
            return
        }
        let isThere = twin.groups[name]!.consumers.removeValue(forKey: consumer) != nil
        let held = twin.groups[name]!.pending.filter { $0.value.consumer == consumer }.keys
        for id in held { twin.groups[name]!.pending[id] = nil }
        let found = (try? stream.deleteConsumer(bytes(consumer), group: bytes(name))) ?? nil
        check(found == (isThere ? held.count : nil), "delete \(consumer): \(String(describing: found))")
    }

    /// A group that is there.
    mutating func knownGroup() -> String? {
        let name = group()
        return twin.groups[name] == nil ? nil : name
    }

    mutating func read() {
        operation = "read"
        guard let name = knownGroup() else { return }
        let (consumer, count) = (consumer(), count())
        let idle = below(3) == 0 ? Int64(below(60)) : nil
        let isAcknowledged = below(4) == 0
        let isNew = twin.see(consumer, name, now: now)
        let expected = twin.read(
            name, consumer, count: count, claimIdle: idle, isAcknowledged: isAcknowledged, now: now)
        guard
            let found = try? stream.readGroup(
                bytes(name), consumer: bytes(consumer), count: count, claimIdle: idle, isAcknowledged: isAcknowledged,
                now: now)
        else { return check(false, "no such group") }
        check(found.isNewConsumer == isNew, "new consumer")
        let summary = found.deliveries.map { ($0.entry.id, $0.idle, $0.previousCount) }
        check(summary.elementsEqual(expected, by: ==), "\(summary) is not \(expected)")
    }

    mutating func history() {
        operation = "history"
        guard let name = knownGroup() else { return }
        let (consumer, count, id) = (consumer(), count(), below(2) == 0 ? .zero : someID())
        _ = twin.see(consumer, name, now: now)
        let expected = twin.history(name, consumer, after: id, count: count, now: now)
        let found = try? stream.readHistory(
            bytes(name), consumer: bytes(consumer), after: id, count: count, now: now)
        let summary = found?.items.map { ($0.id, $0.entry != nil) } ?? []
        check(summary.elementsEqual(expected, by: ==), "\(summary) is not \(expected)")
    }

    mutating func acknowledge() {
        operation = "acknowledge"
        let (name, ids) = (group(), someIDs())
        let expected = ids.count { twin.groups[name]?.pending.removeValue(forKey: $0) != nil }
        let found =
            ids.count == 1
            ? (stream.acknowledge(ids[0], group: bytes(name)) ? 1 : 0) : stream.acknowledge(ids, group: bytes(name))
        check(found == expected, "not \(expected) acknowledged")
    }

    mutating func claim() {
        operation = "claim"
        guard let name = knownGroup() else { return }
        let (consumer, ids) = (consumer(), someIDs())
        var options = ClaimOptions(minimumIdle: below(2) == 0 ? 0 : Int64(below(50)))
        switch below(4) {
        case 0: options.moment = .idle(Int64(below(100)) - 20)
        case 1: options.moment = .at(now + 20 - Int64(below(60)))
        default: break
        }
        if below(4) == 0 { options.deliveryCount = Int64(below(6000)) - 1 }
        options.isForced = below(3) == 0
        options.isIDOnly = below(3) == 0
        if below(8) == 0 { options.lastDeliveredID = someID() }
        _ = twin.see(consumer, name, now: now)
        let expected = twin.claim(ids, name, consumer, options, now: now)
        guard
            let found = try? stream.claim(ids, group: bytes(name), consumer: bytes(consumer), options, now: now)
        else { return check(false, "no such group") }
        check(found.entries.map(\.id) == expected.claimed, "\(found.entries.map(\.id)) is not \(expected.claimed)")
        check(found.removedIDs == expected.removed, "\(found.removedIDs) is not \(expected.removed)")
    }

    mutating func autoclaim() {
        operation = "autoclaim"
        guard let name = knownGroup() else { return }
        let (consumer, count, start) = (consumer(), below(4) + 1, below(2) == 0 ? .zero : someID())
        let (idle, isIDOnly) = (Int64(below(40)), below(3) == 0)
        _ = twin.see(consumer, name, now: now)
        let expected = twin.autoclaim(start, count: count, name, consumer, idle: idle, isIDOnly: isIDOnly, now: now)
        guard
            let found = try? stream.claimAutomatically(
                from: start, count: count, group: bytes(name), consumer: bytes(consumer), minimumIdle: idle,
                isIDOnly: isIDOnly, now: now)
        else { return check(false, "no such group") }
        check(found.entries.map(\.id) == expected.claimed, "\(found.entries.map(\.id)) is not \(expected.claimed)")
        check(found.removedIDs == expected.removed, "\(found.removedIDs) is not \(expected.removed)")
        check(found.nextStart == expected.next, "\(found.nextStart) is not \(expected.next)")
    }

    mutating func release() {
        operation = "release"
        guard let name = knownGroup() else { return }
        let ids = someIDs()
        let mode = ReleaseMode.allCases.randomElement(using: &random)!
        let count = below(4) == 0 ? Int64(below(9)) : nil
        let isForced = below(3) == 0
        let expected = twin.release(ids, name, mode, count: count, isForced: isForced)
        let found = try? stream.release(ids, group: bytes(name), mode, deliveryCount: count, isForced: isForced)
        check(found == expected, "\(String(describing: found)) is not \(expected)")
    }

    mutating func ranges() {
        let range = StreamRange(someID(), someID())
        let (count, isReversed) = (count(), below(2) == 0)
        operation = "range \(range)"
        var expected = twin.entries.filter { range.contains($0.id) }.map(\.id)
        check(stream.count(in: range) == expected.count, "\(stream.count(in: range)) in \(range)")
        if isReversed { expected.reverse() }
        expected = Array(expected.prefix(max(count, 0)))
        let found = stream.entries(in: range, count: count, isReversed: isReversed).map(\.id)
        check(found == expected, "\(found) is not \(expected)")
        let id = someID()
        check(stream.contains(id) == (twin.index(id) != nil), "\(id) is there")
        let after = twin.entries.filter { $0.id > id }.map(\.id)
        check(stream.entries(after: id).map(\.id) == after, "after \(id)")
    }

    mutating func pendingQueries() {
        operation = "pendingQueries"
        guard let name = knownGroup(), let group = stream.group(named: bytes(name)) else { return }
        let range = StreamRange(below(2) == 0 ? .zero : someID(), below(2) == 0 ? .max : someID())
        let (count, idle) = (count(), Int64(below(50)))
        let consumer = below(2) == 0 ? consumer() : nil
        let expected = twin.groups[name]!.pending.sorted { $0.key < $1.key }.filter { id, pending in
            range.contains(id) && (consumer == nil || pending.consumer == consumer)
                && (pending.consumer == nil || idle == 0 || now - pending.deliveredAt >= idle)
        }.prefix(max(count, 0)).map(\.key)
        let found = group.pendingEntries(
            in: range, count: count, minimumIdle: idle, consumer: consumer.map { bytes($0) }, now: now
        ).map(\.id)
        check(found == expected, "\(found) is not \(expected)")
    }

    /// The stream goes on as what its tables hold.
    mutating func checkpoint() throws {
        operation = "checkpoint"
        if below(6) == 0 {
            let lost = stream.beginCheckpoint()
            stream.failCheckpoint(lost)
        }
        stream.checkpoint(into: &tables)
        check(stream.uncheckpointedBytes == 0, "\(stream.uncheckpointedBytes) bytes are not in the checkpoint")
        if below(2) == 0 || !restores { return }
        var (before, after): ([UInt8], [UInt8]) = ([], [])
        stream.encodeState(into: &before)
        stream = try tables.restored(configuration)
        stream.encodeState(into: &after)
        check(before == after, "a restored stream is another")
        // What is restored is what the tables hold: nothing is left to write but the stream's own numbers.
        let empty = stream.beginCheckpoint()
        check(empty.pieceCount == 0, "\(empty.pieceCount) pieces after a restore")
        stream.failCheckpoint(empty)
        if tables.records.count > 20 {
            var batch = TableBatch()
            stream.encodeRemoval(of: 7, into: &batch)
            var removed = tables
            removed.apply(batch)
            check(removed.records.isEmpty, "\(removed.records.keys.sorted()) remain")
        }
    }

    mutating func takeSnapshot() {
        operation = "snapshot"
        if let snapshot {
            check(snapshot.stream.ids == snapshot.ids, "a snapshot changed")
            let pending = snapshot.stream.group(named: bytes("g"))?.pendingEntries(now: now).map(\.id) ?? []
            check(pending == snapshot.pending, "a snapshot's pending entries changed")
            check(snapshot.stream.invariantViolation == nil, "a snapshot broke")
        }
        let pending = stream.group(named: bytes("g"))?.pendingEntries(now: now).map(\.id) ?? []
        snapshot = (stream, stream.ids, pending)
    }

    // MARK: Everything

    mutating func compare() {
        check(stream.invariantViolation == nil, stream.invariantViolation ?? "")
        check(stream.length == twin.entries.count, "length \(stream.length) is not \(twin.entries.count)")
        let entries = stream.entries(in: .all)
        check(entries.map(\.id) == twin.entries.map(\.id), "IDs \(entries.map(\.id)), not \(twin.entries.map(\.id))")
        check(entries.map(\.fieldList) == twin.entries.map(\.fields), "fields")
        check(stream.lastID == twin.last, "last ID \(stream.lastID) is not \(twin.last)")
        check(stream.maxDeletedID == twin.maxDeleted, "deleted ID \(stream.maxDeletedID) is not \(twin.maxDeleted)")
        check(stream.entriesAdded == UInt64(twin.added), "added \(stream.entriesAdded) is not \(twin.added)")
        check(stream.blockCount == Set(twin.entries.map(\.block)).count, "\(stream.blockCount) blocks")
        check(stream.first?.id == twin.entries.first?.id && stream.last?.id == twin.entries.last?.id, "ends")
        check(stream.groupNames.map { text($0) } == twin.groups.keys.sorted(), "groups")
        for name in stream.groupNames { compareGroup(name) }
    }

    private mutating func compareGroup(_ name: [UInt8]) {
        guard let group = stream.group(named: name), let other = twin.groups[text(name)] else { return }
        check(group.lastDeliveredID == other.last, "last delivered \(group.lastDeliveredID) is not \(other.last)")
        check(
            group.entriesRead == other.read,
            "read \(String(describing: group.entriesRead)) is not \(String(describing: other.read))")
        let lag = twin.entries.count { $0.id > other.last }
        check(stream.lag(of: group) == lag, "lag \(stream.lag(of: group)) is not \(lag)")
        let pending = group.pendingEntries(now: now)
        check(pending.map(\.id) == other.pending.keys.sorted(), "pending \(pending.map(\.id))")
        for entry in pending {
            let expected = other.pending[entry.id]
            let consumer = entry.consumer.map { text(group.name(of: $0)) }
            check(
                expected?.consumer == consumer && expected?.deliveredAt == entry.deliveredAt
                    && expected?.count == entry.deliveryCount, "\(entry) is not \(String(describing: expected))")
        }
        check(group.releasedCount == pending.count { $0.consumer == nil }, "released")
        check(group.pendingBounds?.lower == pending.first?.id, "first pending")
        check(group.pendingBounds?.upper == pending.last?.id, "last pending")
        let oldest = other.pending.values.map(\.deliveredAt).min()
        check(group.oldestDeliveryAt == oldest, "oldest delivery")
        let infos = group.consumerInfos
        check(infos.map { text($0.name) } == other.consumers.keys.sorted(), "consumers")
        for info in infos {
            let consumer = other.consumers[text(info.name)]
            check(consumer?.seenAt == info.seenAt && consumer?.activeAt == info.activeAt, "moments of \(info)")
            let held = other.pending.values.count { $0.consumer == text(info.name) }
            check(info.pendingCount == held, "\(info) holds \(held)")
        }
    }
}
