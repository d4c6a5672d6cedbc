// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletStreams

/// Format, numbers that were given last, settings and the versions of keys that aren't there: all varints.
struct KeyspaceState: Hashable, Sendable {
    static let format: UInt64 = 1

    var changeCount: UInt64 = 0
    var keyNumber: UInt64 = 0
    var streamNumber: UInt64 = 0
    var settings = KeyspaceSettings()
    var absentVersions: [UInt64] = []

    func encode(into bytes: inout [UInt8]) {
        for number in [Self.format, changeCount, keyNumber, streamNumber] { Varint.append(number, to: &bytes) }
        Varint.append(UInt64(settings.blocks.entries), to: &bytes)
        Varint.append(UInt64(settings.blocks.bytes), to: &bytes)
        Varint.append(UInt64(settings.idempotency.durationSeconds), to: &bytes)
        Varint.append(UInt64(settings.idempotency.maximumCount), to: &bytes)
        for version in absentVersions { Varint.append(version, to: &bytes) }
    }

    init(_ keyspace: Keyspace) {
        changeCount = keyspace.changeCount
        keyNumber = keyspace.keyNumber
        streamNumber = keyspace.streamNumber
        settings = keyspace.settings
        absentVersions = keyspace.databases.map(\.absentVersion)
    }

    init(_ key: TableKey, decoding bytes: RawSpan) throws(KeyspaceRestoreError) {
        var offset = 0
        func number() throws(KeyspaceRestoreError) -> UInt64 {
            guard let number = Varint.read(bytes, at: &offset) else { throw .unreadable(key) }
            return number
        }
        let format = try number()
        guard format == Self.format else { throw .unsupportedFormat(format) }
        changeCount = try number()
        keyNumber = try number()
        streamNumber = try number()
        for name in ["stream-node-max-entries", "stream-node-max-bytes", "stream-idmp-duration", "stream-idmp-maxsize"]
        {
            guard settings.set(name, Int64(clamping: try number())) else { throw .unreadable(key) }
        }
        for _ in 0..<Keyspace.databaseCount { absentVersions.append(try number()) }
        guard offset == bytes.byteCount else { throw .unreadable(key) }
    }
}

/// One key: database, place, version, moment at which it ends (signed), name, type and what that type holds. Texts are
/// their length, a varint, and their bytes; lists and sets their count and their items in order; a stream its number.
struct KeyRecord: Sendable {
    var database: Int
    var place: Int
    var version: UInt64
    var expiresAt: Int64
    var name: [UInt8]
    var value: Value

    enum Value: Sendable {
        case string([UInt8])
        case list([[UInt8]])
        case set([[UInt8]])
        case stream(UInt64)
    }

    func encode(into bytes: inout [UInt8]) {
        Varint.append(UInt64(database), to: &bytes)
        Varint.append(UInt64(place), to: &bytes)
        Varint.append(version, to: &bytes)
        Varint.append(signed: expiresAt, to: &bytes)
        Self.append(name, to: &bytes)
        switch value {
        case .string(let text):
            bytes.append(0)
            Self.append(text, to: &bytes)
        case .list(let items), .set(let items):
            if case .list = value { bytes.append(1) } else { bytes.append(2) }
            Varint.append(UInt64(items.count), to: &bytes)
            for item in items { Self.append(item, to: &bytes) }
        case .stream(let number):
            bytes.append(3)
            Varint.append(number, to: &bytes)
        }
    }

    private static func append(_ text: [UInt8], to bytes: inout [UInt8]) {
        Varint.append(UInt64(text.count), to: &bytes)
        bytes += text
    }

    init(_ row: KeyRow, database: Int, place: Int, streamNumbers: [UInt64]) {
        self.database = database
        self.place = place
        version = row.version
        expiresAt = row.expiresAt
        name = row.name
        value =
            switch row.value {
            case .string(let text): .string(text)
            case .list(let list): .list(list.items)
            case .set(let set): .set(set.members)
            case .stream(let stream): .stream(streamNumbers[stream])
            }
    }

    init(_ key: TableKey, decoding bytes: RawSpan) throws(KeyspaceRestoreError) {
        var offset = 0
        func number() throws(KeyspaceRestoreError) -> UInt64 {
            guard let number = Varint.read(bytes, at: &offset) else { throw .unreadable(key) }
            return number
        }
        func count() throws(KeyspaceRestoreError) -> Int {
            let count = try number()
            guard count <= UInt64(bytes.byteCount - offset) else { throw .unreadable(key) }
            return Int(count)
        }
        func text() throws(KeyspaceRestoreError) -> [UInt8] {
            let count = try count()
            defer { offset += count }
            return [UInt8](copying: bytes.extracting(offset..<offset + count))
        }
        let (database, place) = (try number(), try number())
        guard database < UInt64(Keyspace.databaseCount), place < UInt64(UInt32.max) else { throw .unreadable(key) }
        self.database = Int(database)
        self.place = Int(place)
        version = try number()
        guard let moment = Varint.readSigned(bytes, at: &offset) else { throw .unreadable(key) }
        expiresAt = moment
        name = try text()
        switch try number() {
        case 0: value = .string(try text())
        case 1, 2:
            let isList = bytes.unsafeLoad(fromByteOffset: offset - 1, as: UInt8.self) == 1
            var items: [[UInt8]] = []
            for _ in 0..<(try count()) { items.append(try text()) }
            value = isList ? .list(items) : .set(items)
        case 3: value = .stream(try number())
        default: throw .unreadable(key)
        }
        guard offset == bytes.byteCount else { throw .unreadable(key) }
    }
}
