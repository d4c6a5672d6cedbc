// SPDX-License-Identifier: Apache-2.0

/// A field of an entry and its value.
public struct RedisField: Hashable, Sendable {
    public var name: [UInt8]
    public var value: [UInt8]

    public init(_ name: [UInt8], _ value: [UInt8]) {
        self.name = name
        self.value = value
    }

    public init(_ name: String, _ value: String) {
        self.init(Array(name.utf8), Array(value.utf8))
    }
}

/// An entry of a stream.
public struct RedisEntry: Hashable, Sendable {
    public var id: RedisStreamID
    /// In their order; names may repeat. Empty of an entry that is gone, or of which the ID alone was asked for.
    public var fields: [RedisField]
    /// Whether only a pending entry remembers it: the stream holds it no more.
    public var isDeleted = false
    /// How long ago it was delivered before, where the command tells (`XREADGROUP … CLAIM`).
    public var idle: Duration?
    /// How often it was delivered before, where the command tells.
    public var earlierDeliveries: Int?

    public init(id: RedisStreamID, fields: [RedisField]) {
        self.id = id
        self.fields = fields
    }

    /// The value of the first field of that name.
    public subscript(name: String) -> [UInt8]? {
        fields.first { $0.name.elementsEqual(name.utf8) }?.value
    }

    /// The value of the first field of that name, as text.
    public func text(_ name: String) -> String? {
        self[name].map { String(decoding: $0, as: UTF8.self) }
    }
}

/// Entries of one of the streams that were read.
public struct RedisStreamEntries: Hashable, Sendable {
    public var key: [UInt8]
    public var entries: [RedisEntry]

    /// The key as text.
    public var name: String { String(decoding: key, as: UTF8.self) }
}

// MARK: Replies

extension RedisEntry {
    /// `[id, [field, value, …]]`; the fields are null of an entry that is gone; with two numbers behind that where the
    /// command tells of earlier deliveries. Where it shows IDs only, an ID.
    init?(_ value: RedisValue) {
        if let id = RedisStreamID(value) {
            self.init(id: id, fields: [])
            return
        }
        guard let parts = value.elements, parts.count >= 2, let id = RedisStreamID(parts[0]) else { return nil }
        self.init(id: id, fields: [])
        if parts[1].isNull {
            isDeleted = true
        } else {
            guard let pairs = parts[1].pairs else { return nil }
            for pair in pairs {
                guard let name = pair.key.bytes, let value = pair.value.bytes else { return nil }
                fields.append(RedisField(name, value))
            }
        }
        if parts.count >= 4, let idle = parts[2].integer, let count = parts[3].integer {
            self.idle = .milliseconds(idle)
            earlierDeliveries = Int(clamping: count)
        }
    }

    /// Entries; a null reply holds none.
    static func list(_ value: RedisValue, _ command: String) throws(RedisError) -> [RedisEntry] {
        if value.isNull { return [] }
        guard let values = value.elements else { throw .unexpected(command, value) }
        var entries: [RedisEntry] = []
        entries.reserveCapacity(values.count)
        for entry in values where !entry.isNull {
            guard let entry = RedisEntry(entry) else { throw .unexpected(command, value) }
            entries.append(entry)
        }
        return entries
    }
}

extension RedisStreamEntries {
    /// A map from keys to entries; before RESP3 an array of arrays of two. A null reply holds none.
    static func list(_ value: RedisValue, _ command: String) throws(RedisError) -> [RedisStreamEntries] {
        if value.isNull { return [] }
        var streams: [RedisStreamEntries] = []
        func add(_ key: RedisValue, _ entries: RedisValue) throws(RedisError) {
            guard let key = key.bytes else { throw .unexpected(command, value) }
            streams.append(RedisStreamEntries(key: key, entries: try RedisEntry.list(entries, command)))
        }
        if case .map(let pairs) = value {
            for pair in pairs { try add(pair.key, pair.value) }
        } else {
            guard let parts = value.elements else { throw .unexpected(command, value) }
            for part in parts {
                guard let pair = part.elements, pair.count == 2 else { throw .unexpected(command, value) }
                try add(pair[0], pair[1])
            }
        }
        return streams
    }
}

extension RedisValue {
    /// IDs; a null reply holds none.
    func ids(_ command: String) throws(RedisError) -> [RedisStreamID] {
        if isNull { return [] }
        guard let values = elements else { throw .unexpected(command, self) }
        var ids: [RedisStreamID] = []
        for value in values where !value.isNull {
            guard let id = RedisStreamID(value) else { throw .unexpected(command, self) }
            ids.append(id)
        }
        return ids
    }

    func count(_ command: String) throws(RedisError) -> Int {
        guard let integer else { throw .unexpected(command, self) }
        return Int(clamping: integer)
    }

    func integers(_ command: String) throws(RedisError) -> [Int] {
        guard let elements else { throw .unexpected(command, self) }
        var numbers: [Int] = []
        for element in elements { numbers.append(try element.count(command)) }
        return numbers
    }

    func texts(_ command: String) throws(RedisError) -> [[UInt8]] {
        if isNull { return [] }
        guard let elements else { throw .unexpected(command, self) }
        var texts: [[UInt8]] = []
        for element in elements {
            guard let bytes = element.bytes else { throw .unexpected(command, self) }
            texts.append(bytes)
        }
        return texts
    }
}
