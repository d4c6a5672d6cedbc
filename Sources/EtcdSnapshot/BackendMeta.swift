// SPDX-License-Identifier: Apache-2.0

package import MartletBasics
import MartletJSON

/// The bucket `meta`. What is nil has no entry.
package struct BackendMeta: Hashable, Sendable {
    /// The last entry that the file contains the effect of. Restoring sets it anew.
    package var consistentIndex: LogIndex?
    package var term: Term?
    package var confState: BackendConfState?
    /// `3.6.0`.
    package var storageVersion: String?
    package var scheduledCompaction: Revision?
    package var finishedCompaction: Revision?

    package init(consistentIndex: LogIndex? = nil, term: Term? = nil, confState: BackendConfState? = nil) {
        self.consistentIndex = consistentIndex
        self.term = term
        self.confState = confState
    }

    var entries: [BucketEntry] {
        var result: [BucketEntry] = []
        if let confState { result.append((BackendKey.confState, confState.encoded)) }
        if let consistentIndex {
            result.append((BackendKey.consistentIndex, [UInt8](bigEndian: consistentIndex.rawValue)))
        }
        if let finishedCompaction {
            result.append((BackendKey.finishedCompaction, BackendRevision.bytes(of: finishedCompaction)))
        }
        if let scheduledCompaction {
            result.append((BackendKey.scheduledCompaction, BackendRevision.bytes(of: scheduledCompaction)))
        }
        if let storageVersion { result.append((BackendKey.storageVersion, Array(storageVersion.utf8))) }
        if let term { result.append((BackendKey.term, [UInt8](bigEndian: term.rawValue))) }
        return result
    }

    /// Keys of later versions are passed over.
    mutating func take(_ entry: BucketEntry) throws(EtcdSnapshotError) {
        switch entry.key {
        case BackendKey.confState: confState = try BackendConfState(entry.value)
        case BackendKey.consistentIndex: consistentIndex = LogIndex(try Self.number(entry))
        case BackendKey.finishedCompaction: finishedCompaction = try Self.revision(entry)
        case BackendKey.scheduledCompaction: scheduledCompaction = try Self.revision(entry)
        case BackendKey.storageVersion: storageVersion = String(decoding: entry.value, as: UTF8.self)
        case BackendKey.term: term = Term(try Self.number(entry))
        default: break
        }
    }

    private static func number(_ entry: BucketEntry) throws(EtcdSnapshotError) -> UInt64 {
        guard entry.value.count == 8 else { throw error(entry) }
        return entry.value.bigEndian(at: 0)
    }

    private static func revision(_ entry: BucketEntry) throws(EtcdSnapshotError) -> Revision {
        guard let (revision, isTombstone) = BackendRevision.revision(of: entry.value), !isTombstone else {
            throw error(entry)
        }
        return revision
    }

    private static func error(_ entry: BucketEntry) -> EtcdSnapshotError {
        let name = String(decoding: entry.key, as: UTF8.self)
        return EtcdSnapshotError(.damaged, "bucket meta: \(name) has \(entry.value.count) bytes of another shape")
    }
}

/// Who votes, as Raft last agreed.
package struct BackendConfState: Hashable, Sendable {
    package var voters: [UInt64]
    package var learners: [UInt64] = []
    package var outgoingVoters: [UInt64] = []
    package var nextLearners: [UInt64] = []
    package var isAutoLeave = false

    package init(voters: [UInt64]) {
        self.voters = voters
    }

    var encoded: [UInt8] {
        var members: [(name: String, value: JSONValue)] = []
        let lists = [
            ("voters", voters), ("learners", learners), ("voters_outgoing", outgoingVoters),
            ("learners_next", nextLearners),
        ]
        for (name, list) in lists where !list.isEmpty {
            members.append((name, .array(list.map { .number(String($0)) })))
        }
        members.append(("auto_leave", .bool(isAutoLeave)))
        return Array(JSONValue.object(members).text.utf8)
    }

    init(_ bytes: [UInt8]) throws(EtcdSnapshotError) {
        guard let json = JSONParser.parse(bytes), case .object = json else { throw Self.error }
        voters = try Self.list("voters", of: json)
        learners = try Self.list("learners", of: json)
        outgoingVoters = try Self.list("voters_outgoing", of: json)
        nextLearners = try Self.list("learners_next", of: json)
        isAutoLeave = json["auto_leave"]?.bool ?? false
    }

    private static func list(_ name: String, of json: JSONValue) throws(EtcdSnapshotError) -> [UInt64] {
        guard let value = json[name] else { return [] }
        guard let values = value.array else { throw error }
        var result: [UInt64] = []
        for value in values {
            guard let number = value.unsigned else { throw error }
            result.append(number)
        }
        return result
    }

    private static var error: EtcdSnapshotError {
        EtcdSnapshotError(.damaged, "bucket meta: confState is not what it should be")
    }
}
