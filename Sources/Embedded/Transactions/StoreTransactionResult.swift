// SPDX-License-Identifier: Apache-2.0

internal import MartletBasics
internal import MartletEtcdAPI
internal import SwiftProtobuf

/// What a ``StoreTransaction`` did.
public struct StoreTransactionResult: Sendable {
    /// The revision of the keys after it.
    public let revision: Int64
    /// Whether all conditions held.
    public let succeeded: Bool
    private let responses: [Response]

    private enum Response: Sendable {
        case range(EtcdGetResult)
        case put(EtcdPutResult)
        case delete(EtcdDeleteResult)
        case transaction(StoreTransactionResult)
        case appended(RedisStreamID)
        /// Of entries.
        case count(UInt64)
        /// Of an operation that isn't known here.
        case unknown
    }

    /// Transactions inside each other, as servers take them.
    private static let maximumDepth = 150

    /// - Parameter bytes: A `martlet.v1.TransactResponse`, read by hand: what is in most of them are a few numbers.
    package init(decoding bytes: [UInt8]) throws(EtcdError) {
        try self.init(bytes.span.bytes, 0..<bytes.count, depth: 1)
    }

    private init(_ bytes: RawSpan, _ range: Range<Int>, depth: Int) throws(EtcdError) {
        guard depth <= Self.maximumDepth else { throw MessageFields.malformed }
        var (revision, succeeded): (Int64, Bool) = (0, false)
        var responses: [Response] = []
        var fields = MessageFields(range)
        while let (number, value) = try fields.next(bytes) {
            switch number {
            case 1: revision = try Self.revision(bytes, value.message())
            case 2: succeeded = try value.number() != 0
            case 3:
                // Two together are what it is for.
                if responses.isEmpty { responses.reserveCapacity(2) }
                responses.append(try Self.response(bytes, value.message(), depth))
            default: continue
            }
        }
        (self.revision, self.succeeded, self.responses) = (revision, succeeded, responses)
    }

    /// Of a header.
    private static func revision(_ bytes: RawSpan, _ range: Range<Int>) throws(EtcdError) -> Int64 {
        var (fields, revision) = (MessageFields(range), Int64(0))
        while let (number, value) = try fields.next(bytes) {
            if number == 3 { revision = Int64(bitPattern: try value.number()) }
        }
        return revision
    }

    private static func response(
        _ bytes: RawSpan, _ range: Range<Int>, _ depth: Int
    ) throws(EtcdError) -> Response {
        var (fields, response) = (MessageFields(range), Response.unknown)
        while let (number, value) = try fields.next(bytes) {
            switch number {
            case 1: response = .range(EtcdGetResult(try decoded(bytes, value.message())))
            case 2: response = .put(try put(bytes, value.message()))
            case 3: response = .delete(EtcdDeleteResult(try decoded(bytes, value.message())))
            case 4: response = .transaction(try StoreTransactionResult(bytes, value.message(), depth: depth + 1))
            case 5: response = .appended(try id(bytes, value.message()))
            case 6...9: response = .count(try value.number())
            default: continue
            }
        }
        return response
    }

    /// Mostly there is a header alone.
    private static func put(_ bytes: RawSpan, _ range: Range<Int>) throws(EtcdError) -> EtcdPutResult {
        var (fields, revision) = (MessageFields(range), Int64(0))
        while let (number, value) = try fields.next(bytes) {
            switch number {
            case 1: revision = try Self.revision(bytes, value.message())
            case 2: return EtcdPutResult(try decoded(bytes, range))
            default: continue
            }
        }
        return EtcdPutResult(revision: revision)
    }

    private static func id(_ bytes: RawSpan, _ range: Range<Int>) throws(EtcdError) -> RedisStreamID {
        var (fields, id) = (MessageFields(range), RedisStreamID(0))
        while let (number, value) = try fields.next(bytes) {
            switch number {
            case 1: id.milliseconds = try value.number()
            case 2: id.sequence = try value.number()
            default: continue
            }
        }
        return id
    }

    private static func decoded<Wire: Message>(_ bytes: RawSpan, _ range: Range<Int>) throws(EtcdError) -> Wire {
        do {
            return try Wire(serializedBytes: [UInt8](copying: bytes.extracting(range)))
        } catch {
            throw MessageFields.malformed
        }
    }

    private func response<Result>(_ handle: StoreTransaction.Handle<Result>) -> Response? {
        guard succeeded == handle.isThen, handle.position < responses.count else { return nil }
        return responses[handle.position]
    }

    /// The result of a read; `nil` when the other branch was done.
    public subscript(handle: StoreTransaction.Handle<EtcdGetResult>) -> EtcdGetResult? {
        guard case .range(let result) = response(handle) else { return nil }
        return result
    }

    /// The result of a write; `nil` when the other branch was done.
    public subscript(handle: StoreTransaction.Handle<EtcdPutResult>) -> EtcdPutResult? {
        guard case .put(let result) = response(handle) else { return nil }
        return result
    }

    /// The result of a deletion; `nil` when the other branch was done.
    public subscript(handle: StoreTransaction.Handle<EtcdDeleteResult>) -> EtcdDeleteResult? {
        guard case .delete(let result) = response(handle) else { return nil }
        return result
    }

    /// The ID of an entry that was added; `nil` when the other branch was done.
    public subscript(handle: StoreTransaction.Handle<RedisStreamID>) -> RedisStreamID? {
        guard case .appended(let id) = response(handle) else { return nil }
        return id
    }

    /// How many entries an operation concerned; `nil` when the other branch was done.
    public subscript(handle: StoreTransaction.Handle<Int>) -> Int? {
        guard case .count(let count) = response(handle) else { return nil }
        return Int(clamping: count)
    }

    /// The result of a transaction within; `nil` when the other branch was done.
    public subscript(handle: StoreTransaction.Handle<StoreTransactionResult>) -> StoreTransactionResult? {
        guard case .transaction(let result) = response(handle) else { return nil }
        return result
    }
}
