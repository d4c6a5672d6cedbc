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
            case 2: try addOperation(value.range(), depth, to: &transaction.success)
            case 3: try addOperation(value.range(), depth, to: &transaction.failure)
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

    private func addOperation(
        _ range: Range<Int>, _ depth: Int, to side: inout StoreTransaction.Side
    ) throws(RecordError) {
        guard let (number, content) = try choice(range, 1...9) else { return side.append(.unset) }
        switch number {
        case 1: side.append(.range(try self.range(content)))
        case 2: side.append(.put(try put(content)))
        case 3: side.append(.deleteRange(try deleteRange(content)))
        case 4: side.append(try storeTransaction(content, depth: depth + 1))
        case 5: side.append(try append(content))
        default: side.append(try streamOperation(number, content))
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

    /// Read twice: names and values go straight into the words of a command, in front of which its stream and ID stand.
    private func append(_ content: Range<Int>) throws(RecordError) -> StreamOperation {
        var (stream, id, mustExist, pairCount): (Range<Int>, StreamID?, Bool, Int) = (0..<0, nil, false, 0)
        var reader = FieldReader(bytes, content)
        while let (number, value) = try reader.field() {
            switch number {
            case 1: stream = try value.range()
            case 2: pairCount += 1
            case 3: id = try streamID(value.range())
            case 4: mustExist = try value.flag()
            default: continue
            }
        }
        var entry = StreamOperation.Appending(
            to: bytes.span.bytes.extracting(stream), id: id, pairCount: pairCount, byteCount: content.count)
        reader = FieldReader(bytes, content)
        while let (number, value) = try reader.field() {
            guard number == 2 else { continue }
            let (name, content) = try pair(value.range())
            entry.append(bytes.span.bytes.extracting(name), bytes.span.bytes.extracting(content))
        }
        do throws(StreamRefusal) {
            return try entry.operation(mustExist: mustExist)
        } catch {
            throw .senseless(error)
        }
    }

    private func streamOperation(
        _ kind: UInt64, _ content: Range<Int>
    ) throws(RecordError) -> StreamOperation {
        let fields = try fields(of: kind, content)
        do throws(StreamRefusal) {
            return try fields.operation(bytes)
        } catch {
            throw .senseless(error)
        }
    }

    /// What stands in the message of an operation, by the meaning that its kind gives to numbers; names and contents
    /// where they stand.
    private struct StreamFields {
        let kind: UInt64
        var stream = 0..<0
        var group = 0..<0
        var ids: [StreamID] = []
        var mode: ReleaseMode? = .silent
        var strategy: Trim.Strategy?
        var isApproximate = false

        func operation(_ bytes: [UInt8]) throws(StreamRefusal) -> StreamOperation {
            switch kind {
            case 6: return try .acknowledge(ids, group: Array(bytes[group]), of: Array(bytes[stream]))
            case 7:
                guard let mode else { throw .malformed("no such mode of negative acknowledgement") }
                return try .negativelyAcknowledge(ids, group: Array(bytes[group]), of: Array(bytes[stream]), mode)
            case 8:
                guard let strategy else { throw .malformed("a trim needs a strategy") }
                return .trim(Array(bytes[stream]), strategy, isApproximate: isApproximate)
            default: return try .delete(ids, of: Array(bytes[stream]))
            }
        }
    }

    private func fields(of kind: UInt64, _ content: Range<Int>) throws(RecordError) -> StreamFields {
        var result = StreamFields(kind: kind)
        var reader = FieldReader(bytes, content)
        while let (number, value) = try reader.field() {
            switch (kind, number) {
            case (_, 1): result.stream = try value.range()
            case (6...7, 2): result.group = try value.range()
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

    /// Where name and value stand.
    private func pair(_ range: Range<Int>) throws(RecordError) -> (name: Range<Int>, content: Range<Int>) {
        var (name, content) = (0..<0, 0..<0)
        var reader = FieldReader(bytes, range)
        while let (number, value) = try reader.field() {
            switch number {
            case 1: name = try value.range()
            case 2: content = try value.range()
            default: continue
            }
        }
        return (name, content)
    }
}
