// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletKeyspace
import MartletRaft
import MartletReplica

/// What the log was seen to hold, what therefore had to be answered, and whether it was.
///
/// Each entry that a member applies is noted here, in the order of the log and over all its lives, and is done by
/// `ModelStore`. What was noted once must stay: that is durability. A write's answer must be the model's at the write's
/// own entry; a read's the model's somewhere between what had shown before the read was asked and what had been applied
/// when it was answered. As entries are only added behind, that is linearizability.
struct Oracle {
    private(set) var model = ModelStore()
    /// From index 1 on.
    private(set) var entries: [Entry] = []
    /// The model's state after so many entries.
    private(set) var positions = [ModelStore.Position()]
    /// Entries that have shown in an answer or an event.
    private(set) var seenEntries = 0
    private(set) var leases = LeaseLedger()
    /// By the operation's number.
    private var results: [Int: (entry: Int, result: Result<WriteResponse, KeyValueError>)] = [:]
    /// Numbers of the writes that were asked for, by their bytes. Only searched.
    private var numbers: [[UInt8]: Int] = [:]
    private var lastStamp: UInt64 = 0
    /// How many client's writes took effect.
    var appliedWrites: Int { results.count }

    mutating func note(asked operation: Operation, number: Int) {
        if !operation.bytes.isEmpty { numbers[operation.bytes] = number }
    }

    // MARK: The log

    /// Takes an entry that the member has applied.
    ///
    /// - Parameters:
    ///   - proposed: when it was, in simulated time.
    ///   - store: of the member; it may have applied more.
    mutating func take(
        applied entry: Entry, proposed: Int, at time: Int, _ operations: [Operation], _ store: KeyValueStore
    ) throws(Violation) {
        let offset = Int(entry.index.rawValue) - 1
        if offset < entries.count { return try compare(entry) }
        guard offset == entries.count, entry.term >= entries.last?.term ?? .zero else {
            throw Violation("\(entry.id) is applied after \(entries.count) entries")
        }
        entries.append(entry)
        if entry.kind == .normal, !entry.data.isEmpty {
            if let number = client(of: entry.data) {
                if case .refused(let error) = operations[number].answer {
                    throw Violation("request \(number) was refused (\(error.map { "\($0)" } ?? "")), but is applied")
                }
                try apply(operations[number].request, number, at: time)
            } else {
                try applyOwn(entry, proposed: proposed, store)
            }
        }
        positions.append(model.position)
    }

    /// An entry that a log holds must be the one that was applied once.
    func compare(_ entry: Entry) throws(Violation) {
        let known = entries[Int(entry.index.rawValue) - 1]
        if entry != known { throw Violation("\(entry.id) is not what was applied there before: \(known.id)") }
    }

    /// The bytes of a client's request follow a tag and a length.
    private func client(of data: [UInt8]) -> Int? {
        let bytes = data.span.bytes
        var offset = 0
        guard Varint.read(bytes, at: &offset) != nil, let count = Varint.read(bytes, at: &offset),
            count <= data.count - offset
        else { return nil }
        return numbers[Array(data[offset..<offset + Int(count)])]
    }

    private mutating func apply(_ request: Operation.Request, _ number: Int, at time: Int) throws(Violation) {
        guard case .write(let write) = request else { throw Violation("\(request) is in the log") }
        if let first = results[number] {
            throw Violation("request \(number) is in the log twice: \(first.entry), \(entries.count)")
        }
        let result = model.apply(write)
        results[number] = (entries.count, result)
        leases.take(write, result, at: time)
    }

    private mutating func applyOwn(
        _ entry: Entry, proposed: Int, _ store: KeyValueStore
    ) throws(Violation) {
        let record: LogRecord
        do throws(RecordError) {
            record = try LogRecord(entry.data)
        } catch {
            throw Violation("\(entry.id) is unreadable: \(error)")
        }
        // Those of forwarded requests come from other clocks.
        if case .keyspace = record.request {
            if record.stamp < lastStamp { throw Violation("the stamp of \(entry.id) goes back") }
        }
        lastStamp = max(lastStamp, record.stamp)
        switch record.request {
        case .clusterVersion, .memberAttributes, .leaseRemainders: return
        case .keyspace(let bytes): try apply(keyspaceRecord: bytes, store)
        case .write(.leaseRevoke(let lease)):
            try leases.check(revoked: lease, at: proposed)
            let request = WriteRequest.leaseRevoke(lease)
            leases.take(request, model.apply(request), at: proposed)
        case .write(let write): throw Violation("nobody asked for \(write)")
        }
    }

    /// Keys change by records of Redis's clients where transactions over keys and streams stand in them.
    private mutating func apply(keyspaceRecord bytes: [UInt8], _ store: KeyValueStore) throws(Violation) {
        guard let progress = try? RecordProgress(bytes.span.bytes) else { throw Violation("an unreadable record") }
        for item in progress.storeItems {
            guard let request = try? StoreRequest(record: item) else { throw Violation("an unreadable transaction") }
            var part = request.transaction.keyPart
            if request.transaction.hasStreamConditions {
                // The model knows no streams. What it writes is written once, so that its revision tells when; if this
                // isn't it, state and model differ from here on.
                guard case .put(let put)? = part.success.first else { throw Violation("a transaction of nobody's") }
                let isHere = store.get(put.key)?.modRevision == model.position.revision + 1
                part = TxnRequest(success: isHere ? part.success : part.failure)
            }
            if case .failure(let error) = model.apply(.txn(part)) {
                throw Violation("\(part) is in the log, and is refused: \(error)")
            }
        }
    }

    // MARK: Answers

    /// Checks what a client is told.
    mutating func check(
        _ answer: Operation.Answer, to operation: Operation, number: Int, applied: LogIndex?, at time: Int
    ) throws(Violation) {
        switch answer {
        case .unknown: return
        case .refused(let error):
            if let found = results[number] {
                let why = error.map { "\($0)" } ?? "nobody was there"
                throw Violation("request \(number) was refused (\(why)), but is entry \(found.entry)")
            }
        case .write(let result):
            guard let expected = results[number] else {
                throw Violation("request \(number) was answered, but is not in the log")
            }
            if result != expected.result {
                throw Violation("request \(number), \(operation.request): \(result), not \(expected.result)")
            }
            seenEntries = max(seenEntries, expected.entry)
        case .keepAlive(let ttlSeconds):
            try checkRead(answer, operation)
            guard case .keepAlive(let lease) = operation.request else { return }
            if ttlSeconds != nil {
                leases.renew(lease, at: operation.arrived)
            } else if !leases.isDue(lease, at: time), wasThere(lease, since: operation.seenEntries) {
                throw Violation("\(lease) was not renewed before its time was over")
            }
        case .leaseStatus(let status):
            try checkRead(answer, operation)
            // One that is behind may speak of an earlier lease of the same name.
            if let status, case .leaseStatus(let lease) = operation.request, applied?.rawValue == UInt64(entries.count)
            {
                try leases.check(status, of: lease, at: time)
            }
        case .range:
            // What one member has applied: it may be behind all others.
            if case .range(_, isSerializable: true) = operation.request, let applied {
                return try checkLocalRead(answer, operation, at: Int(applied.rawValue))
            }
            try checkRead(answer, operation)
        case .readTxn, .leases: try checkRead(answer, operation)
        }
    }

    private func checkLocalRead(_ answer: Operation.Answer, _ operation: Operation, at count: Int) throws(Violation) {
        guard count < positions.count else { throw Violation("a read was answered from entry \(count) of nobody") }
        if isPossible(answer, operation.request, at: positions[count]) { return }
        throw Violation("\(operation.request) was answered \(answer) at \(positions[count])")
    }

    private mutating func checkRead(_ answer: Operation.Answer, _ operation: Operation) throws(Violation) {
        for count in operation.seenEntries..<positions.count
        where isPossible(answer, operation.request, at: positions[count]) {
            seenEntries = max(seenEntries, count)
            return
        }
        let (first, last) = (positions[operation.seenEntries], positions[positions.count - 1])
        throw Violation("\(operation.request) was answered \(answer) between \(first) and \(last)")
    }

    private func isPossible(
        _ answer: Operation.Answer, _ request: Operation.Request, at position: ModelStore.Position
    ) -> Bool {
        switch (request, answer) {
        case (.range(let request, _), .range(let result)): result == model.range(request, at: position)
        case (.readTxn(let request), .readTxn(let result)): result == model.readTxn(request, at: position)
        case (.keepAlive(let lease), .keepAlive(let ttlSeconds)):
            // One that has run out and is not revoked yet can't be renewed either.
            ttlSeconds == nil || ttlSeconds == position.leases[lease]
        case (.leaseStatus(let lease), .leaseStatus(let status)):
            status?.grantedSeconds == position.leases[lease] && (status?.keys ?? []) == keys(of: lease, at: position)
        case (.leases, .leases(let found)): found.sorted() == position.leases.keys.sorted()
        default: false
        }
    }

    private func wasThere(_ lease: LeaseID, since count: Int) -> Bool {
        positions[count...].allSatisfy { $0.leases[lease] != nil }
    }

    private func keys(of lease: LeaseID, at position: ModelStore.Position) -> [[UInt8]] {
        model.records(at: position.revision).filter { $0.lease == lease }.map(\.key)
    }

    /// Whoever has seen an event of this revision knows all entries up to its own.
    mutating func note(seenRevision revision: Int64) {
        while seenEntries < positions.count, positions[seenEntries].revision < revision { seenEntries += 1 }
    }

    // MARK: States

    /// Compares all that can be read of a store.
    ///
    /// - Parameter revisions: how many of the newest; the compact one in any case.
    func check(_ store: KeyValueStore, revisions: Int64 = .max) throws(Violation) {
        let position = model.position
        let oldest = max(position.compacted, 1)
        guard store.revision == position.revision, store.compactRevision == position.compacted else {
            throw Violation("the store stands at \(store.revision), \(store.compactRevision), not at \(position)")
        }
        let newest = (0..<min(revisions, position.revision - oldest + 1)).map { position.revision - $0 }
        for revision in newest + [oldest] {
            var request = RangeRequest(key: [0], rangeEnd: [0])
            request.revision = revision
            let expected = model.records(at: revision)
            guard let found = try? store.range(request), found.records == expected else {
                throw Violation("the state at revision \(revision) differs")
            }
        }
        let ids = store.leaseIDs().sorted()
        guard ids == position.leases.keys.sorted() else { throw Violation("leases \(ids), not \(position.leases)") }
    }
}
