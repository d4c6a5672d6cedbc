// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletKeyspace
import MartletStreams

// martlet.v1, Protos/martlet/v1/store.proto: field numbers as there, unknown fields skipped. Of a choice that is given
// several times the last one counts. What can be read and makes no sense becomes an operation that is refused.
extension RequestDecoder {
    func storeTransaction(_ range: Range<Int>, depth: Int) throws(RecordError) -> StoreTransaction {
        guard depth <= Self.depthMax else { throw .tooDeep }
        var transaction = StoreTransaction()
        var reader = FieldReader(bytes, range)
        while let (number, value) = try reader.field() {
            switch number {
            case 1: transaction.conditions.append(try condition(value.range()))
            case 2: transaction.success.append(try storeOperation(value.range(), depth))
            case 3: transaction.failure.append(try storeOperation(value.range(), depth))
            default: continue
            }
        }
        return transaction
    }

    /// The last variant of a choice, and where its content stands.
    private func choice(
        _ range: Range<Int>, _ numbers: ClosedRange<UInt64>
    ) throws(RecordError) -> (number: UInt64, content: Range<Int>)? {
        var chosen: (number: UInt64, content: Range<Int>)?
        var reader = FieldReader(bytes, range)
        while let (number, value) = try reader.field() {
            if numbers ~= number { chosen = (number, try value.range()) }
        }
        return chosen
    }

    private func condition(_ range: Range<Int>) throws(RecordError) -> StoreTransaction.Condition {
        guard let (number, content) = try choice(range, 1...2) else {
            throw .senseless(.malformed("a condition compares nothing"))
        }
        return number == 1 ? .keys(try compare(content)) : .streams(try streamCompare(content))
    }

    private func storeOperation(
        _ range: Range<Int>, _ depth: Int
    ) throws(RecordError) -> StoreTransaction.Operation {
        guard let (number, content) = try choice(range, 1...9) else { return .keys(.unset) }
        switch number {
        case 1: return .keys(.range(try self.range(content)))
        case 2: return .keys(.put(try put(content)))
        case 3: return .keys(.deleteRange(try deleteRange(content)))
        case 4: return .transaction(try storeTransaction(content, depth: depth + 1))
        default: return .streams(try streamOperation(number, content))
        }
    }

    // MARK: Streams

    private func streamID(_ range: Range<Int>) throws(RecordError) -> StreamID {
        var (milliseconds, sequence): (UInt64, UInt64) = (0, 0)
        var reader = FieldReader(bytes, range)
        while let (number, value) = try reader.field() {
            switch number {
            case 1: milliseconds = try value.number()
            case 2: sequence = try value.number()
            default: continue
            }
        }
        return StreamID(milliseconds, sequence)
    }

    private func streamCompare(_ range: Range<Int>) throws(RecordError) -> StreamCompare {
        var (stream, relation): ([UInt8], StreamCompare.Relation) = ([], .equal)
        var target: StreamCompare.Target?
        var reader = FieldReader(bytes, range)
        while let (number, value) = try reader.field() {
            switch number {
            case 1: stream = try reader.array(value)
            case 2:
                switch Int32(truncatingIfNeeded: try value.number()) {
                case 0: relation = .equal
                case 1: relation = .greater
                case 2: relation = .less
                case 3: relation = .notEqual
                default: throw .senseless(.malformed("no such relation"))
                }
            case 3: target = .lastID(try streamID(value.range()))
            case 4: target = .length(try value.number())
            case 5: target = try place(value.range(), idField: 2) { group, _, id in .position(group: group, id) }
            case 6:
                target = try place(value.range(), idField: 3) { group, consumer, id in
                    .pending(group: group, consumer: consumer, id)
                }
            default: continue
            }
        }
        guard let target else { throw .senseless(.malformed("a condition compares nothing of a stream")) }
        return StreamCompare(target, of: stream, is: relation)
    }

    /// A message of a group, an ID and, between them if the ID's field leaves room, a consumer.
    private func place(
        _ range: Range<Int>, idField: UInt64, _ make: ([UInt8], [UInt8], StreamID) -> StreamCompare.Target
    ) throws(RecordError) -> StreamCompare.Target {
        var (group, consumer, id): ([UInt8], [UInt8], StreamID) = ([], [], .zero)
        var reader = FieldReader(bytes, range)
        while let (number, value) = try reader.field() {
            if number == 1 {
                group = try reader.array(value)
            } else if number == idField {
                id = try streamID(value.range())
            } else if number == 2 {
                consumer = try reader.array(value)
            }
        }
        return make(group, consumer, id)
    }

    private func streamOperation(
        _ kind: UInt64, _ content: Range<Int>
    ) throws(RecordError) -> StreamOperation {
        let fields = try fields(of: kind, content)
        do throws(StreamRefusal) {
            return try fields.operation()
        } catch {
            throw .senseless(error)
        }
    }

    /// What stands in the message of an operation, by the meaning that its kind gives to numbers.
    private struct StreamFields {
        let kind: UInt64
        var stream: [UInt8] = []
        var group: [UInt8] = []
        var fields: [[UInt8]] = []
        var id: StreamID?
        var ids: [StreamID] = []
        var mustExist = false
        var mode: ReleaseMode? = .silent
        var strategy: Trim.Strategy?
        var isApproximate = false

        func operation() throws(StreamRefusal) -> StreamOperation {
            switch kind {
            case 5: return try .append(to: stream, id: id, fields: fields, mustExist: mustExist)
            case 6: return try .acknowledge(ids, group: group, of: stream)
            case 7:
                guard let mode else { throw .malformed("no such mode of negative acknowledgement") }
                return try .negativelyAcknowledge(ids, group: group, of: stream, mode)
            case 8:
                guard let strategy else { throw .malformed("a trim needs a strategy") }
                return .trim(stream, strategy, isApproximate: isApproximate)
            default: return try .delete(ids, of: stream)
            }
        }
    }

    private func fields(of kind: UInt64, _ content: Range<Int>) throws(RecordError) -> StreamFields {
        var result = StreamFields(kind: kind)
        var reader = FieldReader(bytes, content)
        while let (number, value) = try reader.field() {
            switch (kind, number) {
            case (_, 1): result.stream = try reader.array(value)
            case (5, 2): result.fields += try pair(value.range())
            case (5, 3): result.id = try streamID(value.range())
            case (5, 4): result.mustExist = try value.flag()
            case (6...7, 2): result.group = try reader.array(value)
            case (6...7, 3), (9, 2): result.ids.append(try streamID(value.range()))
            case (7, 4): result.mode = Self.mode(try value.number())
            case (8, 2): result.strategy = .maximumLength(Int(clamping: try value.number()))
            case (8, 3): result.strategy = .minimumID(try streamID(value.range()))
            case (8, 4): result.isApproximate = try value.flag()
            default: continue
            }
        }
        return result
    }

    private static func mode(_ number: UInt64) -> ReleaseMode? {
        switch Int32(truncatingIfNeeded: number) {
        case 0: .silent
        case 1: .fail
        case 2: .fatal
        default: nil
        }
    }

    private func pair(_ range: Range<Int>) throws(RecordError) -> [[UInt8]] {
        var (name, content): ([UInt8], [UInt8]) = ([], [])
        var reader = FieldReader(bytes, range)
        while let (number, value) = try reader.field() {
            switch number {
            case 1: name = try reader.array(value)
            case 2: content = try reader.array(value)
            default: continue
            }
        }
        return [name, content]
    }
}
