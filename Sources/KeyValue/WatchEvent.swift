// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

/// One change of one key, as watchers see it.
///
/// `revision` names the change uniquely: two deliveries whose events have the same revision, and both or neither a
/// `previous`, encode to the same bytes, so a shell may encode once and share.
public struct WatchEvent: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        case put, delete
    }

    public var kind: Kind
    public var revision: Revision
    /// The written version; for a delete only key and modification revision.
    public var record: KeyValueRecord
    /// The version before, for watches that asked for it and where it is not compacted. Never for a put that creates.
    public var previous: KeyValueRecord?

    public init(kind: Kind, revision: Revision, record: KeyValueRecord, previous: KeyValueRecord? = nil) {
        self.kind = kind
        self.revision = revision
        self.record = record
        self.previous = previous
    }
}

/// Something to send on a watch stream.
public struct WatchDelivery: Hashable, Sendable {
    public enum Content: Hashable, Sendable {
        /// In revision order; never a part of a revision, never empty.
        case events([WatchEvent])
        /// The store cancelled the watch, which needed a revision that is compacted. The watch is gone.
        case canceled(compactRevision: Int64)
    }

    public var stream: WatchStreamID
    public var watch: WatchID
    /// For the header: the store's main revision when this was made, at least the last event's. Zero if cancelled.
    public var revision: Int64
    public var content: Content

    public init(stream: WatchStreamID, watch: WatchID, revision: Int64, content: Content) {
        self.stream = stream
        self.watch = watch
        self.revision = revision
        self.content = content
    }
}

/// Asks for the changes of a range. Source: etcd `WatchCreateRequest`, the part that concerns the store.
public struct WatchRequest: Hashable, Sendable {
    /// Empty: from the very first key.
    public var key: [UInt8]
    public var rangeEnd: [UInt8]
    /// Zero: from the next revision. At most the current one: history first. Above: waits for it.
    public var startRevision: Int64 = 0
    public var skipsPuts = false
    public var skipsDeletes = false
    public var wantsPrevious = false
    /// Zero: the store picks one.
    public var watchID = WatchID(0)

    public init(key: [UInt8], rangeEnd: [UInt8] = []) {
        self.key = key
        self.rangeEnd = rangeEnd
    }

    public var interval: KeyInterval { KeyInterval(key: key.isEmpty ? [0] : key, rangeEnd: rangeEnd) }
}
