// SPDX-License-Identifier: Apache-2.0

package import MartletBasics
package import MartletKeyValue
package import MartletReplica

/// A naive twin of the key-value store, right by being simple: it keeps every state there ever was.
///
/// It says what each request must answer. Leases have no time here: they end when a request ends them.
package struct ModelStore: Sendable {
    package struct Change: Sendable {
        package var revision: Revision
        package var key: [UInt8]
        /// `nil`: deleted.
        package var record: KeyValueRecord?
        /// As it was before the main revision.
        package var previous: KeyValueRecord?
    }

    /// Between two requests.
    package struct Position: Sendable {
        package var revision = KeyValueStore.emptyRevision
        package var compacted = KeyValueStore.neverCompacted
        /// Terms in seconds.
        package var leases: [LeaseID: Int64] = [:]
    }

    package private(set) var changes: [Change] = []
    package private(set) var position = Position()
    /// All keys in order; at offset n as they are after the main revision n + 1.
    private var states: [[KeyValueRecord]] = [[]]
    let limits = KeyValueStore.Configuration()

    package init() {}

    /// The keys after a main revision, however old.
    package func records(at revision: Int64) -> [KeyValueRecord] { states[Int(revision) - 1] }

    /// Does what an entry of the log does.
    package mutating func apply(_ request: WriteRequest) -> Result<WriteResponse, KeyValueError> {
        do throws(KeyValueError) {
            return .success(try change(request))
        } catch {
            return .failure(error)
        }
    }

    private mutating func change(_ request: WriteRequest) throws(KeyValueError) -> WriteResponse {
        var draft = ModelDraft(self)
        let response: WriteResponse
        switch request {
        case .put(let request):
            try request.validate()
            try checkLease(request)
            try checkKeeps(request)
            response = .put(draft.put(request))
        case .deleteRange(let request):
            try request.validate()
            response = .deleteRange(draft.delete(request))
        case .txn(let request):
            response = .txn(try txn(request, &draft))
        case .compact(let request, _):
            if request.revision > position.revision { throw .futureRevision }
            if request.revision <= position.compacted { throw .compacted }
            position.compacted = request.revision
            return .compact(CompactionResponse(revision: position.revision))
        case .leaseGrant(let id, let ttlSeconds):
            return try grant(id, ttlSeconds)
        case .leaseRevoke(let id):
            if position.leases.removeValue(forKey: id) == nil { throw .leaseNotFound }
            for record in draft.state where record.lease == id { draft.delete(key: record.key) }
            response = .leaseRevoke(
                DeleteRangeResponse(revision: draft.current, deleted: Int64(draft.changes.count)))
        case .alarm, .auth, .downgrade: preconditionFailure("the model knows keys and leases alone: \(request)")
        }
        commit(draft)
        return response
    }

    private mutating func commit(_ draft: ModelDraft) {
        guard !draft.changes.isEmpty else { return }
        states.append(draft.state)
        changes += draft.changes
        position.revision = draft.main
    }

    private mutating func grant(_ id: LeaseID, _ ttlSeconds: Int64) throws(KeyValueError) -> WriteResponse {
        if id == .none { throw .leaseNotFound }
        if ttlSeconds > KeyValueStore.maximumLeaseTTLSeconds { throw .leaseTTLTooLarge }
        if position.leases[id] != nil { throw .leaseExists }
        let granted = max(ttlSeconds, limits.minimumLeaseTTLSeconds)
        position.leases[id] = granted
        return .leaseGrant(id, ttlSeconds: granted)
    }

    private func record(_ key: [UInt8]) -> KeyValueRecord? { records(at: position.revision).first { $0.key == key } }

    func checkLease(_ request: PutRequest) throws(KeyValueError) {
        if request.lease != .none, position.leases[request.lease] == nil { throw .leaseNotFound }
    }

    func checkKeeps(_ request: PutRequest) throws(KeyValueError) {
        if request.ignoreValue || request.ignoreLease, record(request.key) == nil { throw .keyNotFound }
    }
}

/// A request's changes while it runs.
struct ModelDraft {
    var state: [KeyValueRecord]
    let main: Int64
    var changes: [ModelStore.Change] = []
    private let before: [KeyValueRecord]

    init(_ model: ModelStore) {
        state = model.records(at: model.position.revision)
        before = state
        main = model.position.revision + 1
    }

    var current: Int64 { changes.isEmpty ? main - 1 : main }

    private mutating func note(_ key: [UInt8], _ record: KeyValueRecord?) {
        changes.append(
            ModelStore.Change(
                revision: Revision(main: main, sub: Int64(changes.count)), key: key, record: record,
                previous: before.first { $0.key == key }))
    }

    mutating func put(_ request: PutRequest) -> PutResponse {
        let place = state.firstIndex { !$0.key.lexicographicallyPrecedes(request.key) } ?? state.count
        let old = place < state.count && state[place].key == request.key ? state[place] : nil
        let record = KeyValueRecord(
            key: request.key, createRevision: old?.createRevision ?? main, modRevision: main,
            version: (old?.version ?? 0) + 1, value: request.ignoreValue ? old?.value ?? [] : request.value,
            lease: request.ignoreLease ? old?.lease ?? .none : request.lease)
        if old == nil { state.insert(record, at: place) } else { state[place] = record }
        note(request.key, record)
        return PutResponse(revision: main, previous: request.wantsPrevious ? old : nil)
    }

    mutating func delete(_ request: DeleteRangeRequest) -> DeleteRangeResponse {
        let victims = state.filter { request.interval.contains($0.key) }
        for victim in victims { delete(key: victim.key) }
        return DeleteRangeResponse(
            revision: current, deleted: Int64(victims.count), previous: request.wantsPrevious ? victims : [])
    }

    mutating func delete(key: [UInt8]) {
        state.removeAll { $0.key == key }
        note(key, nil)
    }
}
