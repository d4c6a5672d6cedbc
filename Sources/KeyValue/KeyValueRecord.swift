// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

/// One version of one key.
///
/// A record that was read shares the memory of what was stored. `key` and `value` then make copies; who only reads
/// takes `withContent`.
public struct KeyValueRecord: Sendable {
    private struct Fields: Hashable {
        var key: [UInt8]
        var createRevision: Int64
        var modRevision: Int64
        var version: Int64
        var value: [UInt8]
        var lease: LeaseID
    }

    private enum Storage {
        case stored(HistoryRecord)
        /// Made from outside, or changed. Apart, so that records that were read take little room.
        indirect case fields(Fields)
    }

    private var storage: Storage

    public init(
        key: [UInt8],
        createRevision: Int64,
        modRevision: Int64,
        version: Int64,
        value: [UInt8],
        lease: LeaseID = .none
    ) {
        storage = .fields(
            Fields(
                key: key, createRevision: createRevision, modRevision: modRevision, version: version, value: value,
                lease: lease))
    }

    init(_ change: HistoryRecord) {
        storage = .stored(change)
    }

    /// What a DELETE event carries: the key and the tombstone's revision, nothing else.
    public static func tombstone(key: [UInt8], modRevision: Int64) -> KeyValueRecord {
        KeyValueRecord(key: key, createRevision: 0, modRevision: modRevision, version: 0, value: [])
    }

    private var fields: Fields {
        get {
            switch storage {
            case .fields(let fields):
                return fields
            case .stored(let change):
                let head = change.head
                return change.withContent(head) { key, value in
                    Fields(
                        key: [UInt8](copying: key), createRevision: head.createRevision, modRevision: head.main,
                        version: head.version, value: [UInt8](copying: value), lease: head.lease)
                }
            }
        }
        set { storage = .fields(newValue) }
    }
}

// MARK: Parts

extension KeyValueRecord {
    public var key: [UInt8] {
        get { withKey { [UInt8](copying: $0) } }
        set { fields.key = newValue }
    }

    public var value: [UInt8] {
        get { withContent { [UInt8](copying: $2) } }
        set { fields.value = newValue }
    }

    /// Main revision of the put that began the key's present life.
    public var createRevision: Int64 {
        get {
            switch storage {
            case .stored(let change): change.createRevision
            case .fields(let fields): fields.createRevision
            }
        }
        set { fields.createRevision = newValue }
    }

    /// Main revision of the put that wrote this version.
    public var modRevision: Int64 {
        get {
            switch storage {
            case .stored(let change): change.main
            case .fields(let fields): fields.modRevision
            }
        }
        set { fields.modRevision = newValue }
    }

    /// Counts the puts since the key's creation, from 1. Zero in a tombstone.
    public var version: Int64 {
        get {
            switch storage {
            case .stored(let change): change.version
            case .fields(let fields): fields.version
            }
        }
        set { fields.version = newValue }
    }

    /// The lease the key is attached to, or `LeaseID.none`.
    public var lease: LeaseID {
        get {
            switch storage {
            case .stored(let change): change.lease
            case .fields(let fields): fields.lease
            }
        }
        set { fields.lease = newValue }
    }

    /// Calls `body` with the key.
    @inline(__always)
    public func withKey<Result>(_ body: (RawSpan) -> Result) -> Result {
        switch storage {
        case .stored(let change): change.withKey(body)
        case .fields(let fields): body(fields.key.span.bytes)
        }
    }

    /// Bytes of key and value.
    public var contentCount: Int {
        switch storage {
        case .stored(let change): change.contentCount
        case .fields(let fields): fields.key.count + fields.value.count
        }
    }
}

extension KeyValueRecord {
    /// All that a record holds but key and value.
    public struct Numbers {
        public var createRevision: Int64
        public var modRevision: Int64
        public var version: Int64
        public var lease: LeaseID
    }

    /// Calls `body` with everything at once, as encoding wants it: the packed numbers are read one time only.
    @inline(__always)
    public func withContent<Result>(_ body: (Numbers, _ key: RawSpan, _ value: RawSpan) -> Result) -> Result {
        switch storage {
        case .stored(let change):
            let head = change.head
            let numbers = Numbers(
                createRevision: head.createRevision, modRevision: head.main, version: head.version,
                lease: head.lease)
            return change.withContent(head) { body(numbers, $0, $1) }
        case .fields(let fields):
            let numbers = Numbers(
                createRevision: fields.createRevision, modRevision: fields.modRevision, version: fields.version,
                lease: fields.lease)
            return body(numbers, fields.key.span.bytes, fields.value.span.bytes)
        }
    }
}

extension KeyValueRecord: Hashable {
    public static func == (left: KeyValueRecord, right: KeyValueRecord) -> Bool {
        left.fields == right.fields
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(fields)
    }
}
