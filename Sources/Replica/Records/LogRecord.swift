// SPDX-License-Identifier: Apache-2.0

public import MartletAuth
import MartletBasics
import MartletKeyspace

/// The data of a normal entry: etcd's `InternalRaftRequest`, with our own fields from number 2000 up.
///
///     4 … 10           a client's request, as its message came over the wire
///     11               remainders of leases
///     100              header {ID = 1, username = 2, auth revision = 3}
///     1000 … 1204      users, roles and permissions: see `AuthRequest.recordField`
///     1300             cluster version {version = 1}
///     1301             member attributes
///     1302             downgrade
///     2000             stamp: the leader's time in milliseconds since 1970; only where it led and stamped the record
///     2001             commands of Redis's clients: see `KeyspaceRecord`
///
/// Exactly one request stands in a record. etcd reads such a record and passes over our own fields.
/// Source: etcd raft_internal.proto.
public struct LogRecord: Hashable, Sendable {
    public struct Header: Hashable, Sendable {
        /// Unique among all records.
        public var id: UInt64
        /// Who asked; anonymous while authentication is off.
        public var identity: AuthIdentity

        public init(id: UInt64, identity: AuthIdentity = .anonymous) {
            self.id = id
            self.identity = identity
        }
    }

    public enum Request: Hashable, Sendable {
        case write(WriteRequest)
        case leaseRemainders([LeaseRemainder])
        case clusterVersion(String)
        case memberAttributes(MemberAttributes)
        /// The bytes of a `KeyspaceRecord`; empty where a plan stands for them.
        case keyspace([UInt8])
    }

    public var header: Header
    /// 0 in a record that has none, such as etcd's own.
    public var stamp: UInt64
    public var request: Request

    public init(header: Header, stamp: UInt64, request: Request) {
        self.header = header
        self.stamp = stamp
        self.request = request
    }
}

enum RecordField {
    static let leaseRemainders: UInt64 = 11
    static let header: UInt64 = 100
    static let clusterVersion: UInt64 = 1300
    static let memberAttributes: UInt64 = 1301
    static let downgrade: UInt64 = 1302
    /// Fields from here on are ours.
    static let own: UInt64 = 2000
    static let stamp: UInt64 = 2000
    static let keyspace: UInt64 = 2001
    /// In front of a client's request: a tag and a length.
    static let headBytes = 12
    /// Header and stamp of a record without username.
    static let tailBytes = 32
}

// MARK: Encoding

extension LogRecord {
    /// A client's request, its bytes unchanged. One allocation.
    static func bytes(_ write: Write, header: Header, stamp: UInt64) -> [UInt8] {
        let field = write.request.recordField
        var bytes: [UInt8] = []
        bytes.reserveCapacity(
            RecordField.headBytes + write.bytes.count + RecordField.tailBytes + header.identity.name.bytes.count)
        // Fields in the order of their numbers, as etcd writes them.
        if field > RecordField.header { append(header, to: &bytes) }
        bytes.append(choice: field, bytes: write.bytes)
        if field < RecordField.header { append(header, to: &bytes) }
        bytes.append(field: RecordField.stamp, number: stamp)
        return bytes
    }

    /// Commands of Redis's clients, in nobody's name: each of them says in whose. One allocation.
    static func bytes(_ record: KeyspaceRecord, id: UInt64, stamp: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(addingCapacity: RecordField.headBytes + record.byteCount + RecordField.tailBytes) { output in
            Varint.append(RecordField.header << 3 | 2, to: &output)
            Varint.append(UInt64(1 + Varint.length(of: id)), to: &output)
            Varint.append(1 << 3, to: &output)
            Varint.append(id, to: &output)
            if stamp != 0 {
                Varint.append(RecordField.stamp << 3, to: &output)
                Varint.append(stamp, to: &output)
            }
            Varint.append(RecordField.keyspace << 3 | 2, to: &output)
            Varint.append(UInt64(record.byteCount), to: &output)
            record.encode(into: &output)
        }
        return bytes
    }

    public func encoded() -> [UInt8] {
        var inner: [UInt8] = []
        switch request {
        case .write(let request):
            return Self.bytes(Write(request), header: header, stamp: stamp)
        case .leaseRemainders(let remainders):
            LeaseRemainder.encode(remainders, into: &inner)
            return bytes(RecordField.leaseRemainders, inner)
        case .clusterVersion(let version):
            inner.append(field: 1, bytes: Array(version.utf8))
            return bytes(RecordField.clusterVersion, inner)
        case .memberAttributes(let member):
            member.encode(into: &inner)
            return bytes(RecordField.memberAttributes, inner)
        case .keyspace(let record):
            return bytes(RecordField.keyspace, record)
        }
    }

    private func bytes(_ field: UInt64, _ inner: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        if field > RecordField.header { Self.append(header, to: &bytes) }
        bytes.append(choice: field, bytes: inner)
        if field < RecordField.header { Self.append(header, to: &bytes) }
        bytes.append(field: RecordField.stamp, number: stamp)
        return bytes
    }

    private static func append(_ header: Header, to bytes: inout [UInt8]) {
        if header.identity == .anonymous {
            // Without an array of its own: a tag and a number.
            bytes.append(tag: RecordField.header, 2)
            Varint.append(UInt64(1 + width(header.id)), to: &bytes)
            bytes.append(choice: 1, number: header.id)
            return
        }
        var inner: [UInt8] = []
        inner.append(choice: 1, number: header.id)
        inner.append(field: 2, bytes: header.identity.name.bytes)
        inner.append(field: 3, number: header.identity.revision)
        bytes.append(choice: RecordField.header, bytes: inner)
    }

    /// Bytes of a number: seven bits each, one for 0.
    private static func width(_ number: UInt64) -> Int {
        max(1, (70 - number.leadingZeroBitCount) / 7)
    }
}

// MARK: Decoding

extension LogRecord {
    /// - Throws: `.unknownRequest` for what a later version or another protocol wrote.
    public init(_ bytes: [UInt8]) throws(RecordError) {
        var found: Request?
        header = Header(id: 0)
        stamp = 0
        var reader = FieldReader(bytes)
        while let (number, value) = try reader.field() {
            switch number {
            case 1: header.id = try value.number()
            case RecordField.header: header = try Header(bytes, value.range())
            case RecordField.stamp: stamp = try value.number()
            default:
                guard found == nil else { throw .ambiguous }
                found = try Self.request(number, value, bytes)
            }
        }
        guard let found else { throw .ambiguous }
        request = found
    }

    private static func request(
        _ number: UInt64, _ value: FieldReader.Value, _ bytes: [UInt8]
    ) throws(RecordError) -> Request {
        if let kind = WriteRequest.Kind(rawValue: number) {
            return .write(try RequestDecoder(bytes).request(kind, value.range()))
        }
        switch number {
        case RecordField.leaseRemainders:
            return .leaseRemainders(try LeaseRemainder.decode(bytes, value.range()))
        case RecordField.clusterVersion: return .clusterVersion(try text(bytes, value.range()))
        case RecordField.memberAttributes: return .memberAttributes(try MemberAttributes(bytes, value.range()))
        case RecordField.keyspace: return .keyspace(Array(bytes[try value.range()]))
        case RecordField.downgrade: return .write(.downgrade(try DowngradeInfo(bytes, value.range())))
        default: return .write(.auth(try auth(number, value, bytes)))
        }
    }

    private static func auth(
        _ number: UInt64, _ value: FieldReader.Value, _ bytes: [UInt8]
    ) throws(RecordError) -> AuthRequest {
        // Every message of auth may be empty.
        guard AuthRequest(recordField: number, bytes: []) != nil else { throw .unknownRequest(number) }
        guard let request = AuthRequest(recordField: number, bytes: Array(bytes[try value.range()])) else {
            throw .malformed
        }
        return request
    }

    private static func text(_ bytes: [UInt8], _ range: Range<Int>) throws(RecordError) -> String {
        var text = ""
        var reader = FieldReader(bytes, range)
        while let (number, value) = try reader.field() {
            if number == 1 { text = try reader.text(value) }
        }
        return text
    }

    /// The header's id alone; 0 if it has none. Complexity: O(fields), whatever their size.
    static func id(of bytes: [UInt8]) throws(RecordError) -> UInt64 {
        var id: UInt64 = 0
        var reader = FieldReader(bytes)
        while let (number, value) = try reader.field() {
            if number == RecordField.header { id = try Header(bytes, value.range()).id }
        }
        return id
    }

    /// Adds the lease that a record grants, or those of whose terms it says that they are whole. What can't be read
    /// concerns no lease. Complexity: O(fields), whatever their size.
    static func addBegunLeases(of bytes: [UInt8], to leases: inout Set<LeaseID>) {
        var reader = FieldReader(bytes)
        while let (number, value) = try? reader.field() {
            switch number {
            case WriteRequest.Kind.leaseGrant.rawValue:
                if let range = try? value.range(),
                    case .leaseGrant(let lease, _)? = try? RequestDecoder(bytes).request(.leaseGrant, range)
                {
                    leases.insert(lease)
                }
            case RecordField.leaseRemainders:
                guard let range = try? value.range(), let all = try? LeaseRemainder.decode(bytes, range) else { return }
                for remainder in all where remainder.seconds == 0 { leases.insert(remainder.lease) }
            default: continue
            }
        }
    }

    /// A record of Redis's clients as a leader stamps it; `nil`: it is another record, or none.
    ///
    /// - Parameters:
    ///   - lastStamp: the highest one that the leader has given or seen; the record's own counts for nothing.
    ///   - wallMilliseconds: the leader's time.
    static func restamped(_ bytes: [UInt8], lastStamp: inout UInt64, wallMilliseconds: UInt64) -> [UInt8]? {
        guard hasKeyspaceField(bytes), var record = try? LogRecord(bytes), case .keyspace(let inner) = record.request
        else { return nil }
        let stamp = max(lastStamp, wallMilliseconds)
        guard let stamped = KeyspaceRecord.restamped(inner, stamp) else { return nil }
        lastStamp = stamp
        record.stamp = stamp
        record.request = .keyspace(stamped)
        return record.encoded()
    }

    /// Without its stamp, if that is above a limit; `nil`: it isn't, or this is no record. The request stays as its
    /// client sent it, to the byte. Complexity: O(bytes).
    static func unstamped(_ bytes: [UInt8], above limit: UInt64) -> [UInt8]? {
        guard let stamp = try? stamp(of: bytes), stamp > limit else { return nil }
        var reader = FieldReader(bytes)
        var rest: [UInt8] = []
        var begin = 0
        while let (number, _) = try? reader.field() {
            if number != RecordField.stamp { rest += bytes[begin..<reader.offset] }
            begin = reader.offset
        }
        return rest
    }

    /// Complexity: O(fields), whatever their size.
    private static func hasKeyspaceField(_ bytes: [UInt8]) -> Bool {
        var reader = FieldReader(bytes)
        while let (number, _) = try? reader.field() {
            if number == RecordField.keyspace { return true }
        }
        return false
    }

    /// The stamp alone. Complexity: O(fields), whatever their size.
    static func stamp(of bytes: [UInt8]) throws(RecordError) -> UInt64 {
        var stamp: UInt64 = 0
        var reader = FieldReader(bytes)
        while let (number, value) = try reader.field() {
            if number == RecordField.stamp { stamp = try value.number() }
        }
        return stamp
    }
}

extension LogRecord.Header {
    /// A name need not be text: certificates may hold any bytes.
    init(_ bytes: [UInt8], _ range: Range<Int>) throws(RecordError) {
        self.init(id: 0)
        var reader = FieldReader(bytes, range)
        while let (number, value) = try reader.field() {
            switch number {
            case 1: id = try value.number()
            case 2: identity.name = AuthName(bytes: try reader.array(value))
            case 3: identity.revision = try value.number()
            default: continue
            }
        }
    }
}
