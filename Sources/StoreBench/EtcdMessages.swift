// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// The calls that a load is made of.
enum Method: Int, CaseIterable {
    case range, put, txn, watch

    var path: String {
        switch self {
        case .range: "/etcdserverpb.KV/Range"
        case .put: "/etcdserverpb.KV/Put"
        case .txn: "/etcdserverpb.KV/Txn"
        case .watch: "/etcdserverpb.Watch/Watch"
        }
    }
}

/// The keys of all loads: `bench/` GROUP `/` NUMBER, 32 bytes. The group is the number's last three digits, so that
/// keys written one after the other lie far apart, and a prefix of some of its digits holds 10, 100 or 1,000
/// thousandths of all.
enum Keys {
    static let prefix = Array("bench/".utf8)
    static let bytes = 32
    private static let groupDigits = 3
    private static let slash = UInt8(ascii: "/")

    static func append(_ number: Int, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: self.prefix)
        self.append(digits: number % 1_000, self.groupDigits, to: &bytes)
        bytes.append(self.slash)
        self.append(digits: number, self.bytes - self.prefix.count - self.groupDigits - 1, to: &bytes)
    }

    static func key(_ number: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        self.append(number, to: &bytes)
        return bytes
    }

    /// The prefix of all keys whose group begins with the first `digits` digits of `group`.
    static func groupPrefix(_ group: Int, digits: Int) -> [UInt8] {
        var bytes = self.prefix
        self.append(digits: group, self.groupDigits, to: &bytes)
        bytes.removeLast(self.groupDigits - digits)
        return bytes
    }

    /// The end of the range of all keys that begin with `prefix`, whose last byte is no 0xFF.
    static func end(ofPrefix prefix: [UInt8]) -> [UInt8] {
        var end = prefix
        end[end.count - 1] += 1
        return end
    }

    private static func append(digits number: Int, _ count: Int, to bytes: inout [UInt8]) {
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: count))
        var (rest, place) = (number, start + count - 1)
        while rest > 0, place >= start {
            bytes[place] = UInt8(ascii: "0") + UInt8(rest % 10)
            rest /= 10
            place -= 1
        }
    }
}

/// Requests, each appended to a message that is sent over and over with other keys. Source: etcd's rpc.proto.
extension [UInt8] {
    /// PutRequest.
    mutating func append(put key: Int, _ value: [UInt8]) {
        self.append(tag: 1, 2)
        Varint.append(UInt64(Keys.bytes), to: &self)
        Keys.append(key, to: &self)
        self.append(field: 2, bytes: value)
    }

    /// RequestOp with a PutRequest; `field` is 2 where it is done if all compares hold.
    mutating func append(operation field: UInt64, put key: Int, _ value: [UInt8]) {
        let request = ProtobufSize.choice(byteCount: Keys.bytes) + ProtobufSize.field(byteCount: value.count)
        self.append(tag: field, 2)
        Varint.append(UInt64(ProtobufSize.choice(byteCount: request)), to: &self)
        self.append(tag: 2, 2)
        Varint.append(UInt64(request), to: &self)
        self.append(put: key, value)
    }

    /// TxnRequest: if the key was last changed at `revision` it is put, otherwise read.
    mutating func append(swap key: Int, _ value: [UInt8], ifChangedAt revision: Int64) {
        let key = Keys.key(key)
        // Compare: equal (0, left out), MOD, key, mod_revision.
        var compare: [UInt8] = []
        compare.append(field: 2, number: 2)
        compare.append(field: 3, bytes: key)
        compare.append(choice: 6, number: UInt64(bitPattern: revision))
        self.append(field: 1, bytes: compare)
        var put: [UInt8] = []
        put.append(field: 1, bytes: key)
        put.append(field: 2, bytes: value)
        var operation: [UInt8] = []
        operation.append(field: 2, bytes: put)
        self.append(field: 2, bytes: operation)
        var range: [UInt8] = []
        range.append(field: 1, bytes: key)
        var otherwise: [UInt8] = []
        otherwise.append(field: 1, bytes: range)
        self.append(field: 3, bytes: otherwise)
    }

    /// RangeRequest.
    mutating func append(
        range key: [UInt8], end: [UInt8] = [], limit: Int = 0, revision: Int = 0, serializable: Bool = false,
        countOnly: Bool = false
    ) {
        self.append(field: 1, bytes: key)
        self.append(field: 2, bytes: end)
        self.append(field: 3, number: UInt64(limit))
        self.append(field: 4, number: UInt64(revision))
        self.append(field: 7, flag: serializable)
        self.append(field: 9, flag: countOnly)
    }

    /// WatchRequest that creates a watcher.
    mutating func append(watch key: [UInt8], end: [UInt8] = []) {
        var create: [UInt8] = []
        create.append(field: 1, bytes: key)
        create.append(field: 2, bytes: end)
        self.append(choice: 1, bytes: create)
    }
}

/// Walks the fields of a protobuf message that lies in a part of some bytes.
struct ProtobufFields {
    private var bytes: ArraySlice<UInt8>
    private(set) var number = 0
    /// Of a numeric field.
    private(set) var value: UInt64 = 0
    /// Of any other field.
    private(set) var content: ArraySlice<UInt8> = []

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
    }

    /// Goes to the next field; false at the end.
    mutating func next() -> Bool {
        guard !self.bytes.isEmpty else { return false }
        let tag = self.varint()
        self.number = Int(tag >> 3)
        switch tag & 7 {
        case 0: self.value = self.varint()
        case 2:
            let count = Int(self.varint())
            self.content = self.bytes.prefix(count)
            guard self.content.count == count else { fail("an answer is cut off") }
            self.bytes = self.bytes.dropFirst(count)
        default: fail("an answer has a field of wire type \(tag & 7)")
        }
        return true
    }

    /// The content of the first field of this number; nil without one.
    static func first(_ number: Int, in bytes: ArraySlice<UInt8>) -> ProtobufFields? {
        var fields = ProtobufFields(bytes)
        while fields.next() {
            if fields.number == number { return fields }
        }
        return nil
    }

    private mutating func varint() -> UInt64 {
        var offset = 0
        guard let number = Varint.read(self.bytes.span.bytes, at: &offset) else { fail("an answer is cut off") }
        self.bytes = self.bytes.dropFirst(offset)
        return number
    }
}
