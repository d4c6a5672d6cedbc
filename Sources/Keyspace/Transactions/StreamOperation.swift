// SPDX-License-Identifier: Apache-2.0

import MartletBasics
package import MartletRESPCodec
package import MartletStreams

/// Why a transaction over keys and streams can't be done for its streams' sake. Nothing has changed.
package enum StreamRefusal: Error, Hashable, Sendable {
    case wrongType([UInt8])
    case noSuchStream([UInt8])
    case noSuchGroup([UInt8], stream: [UInt8])
    case append(StreamError)
    /// What streams may take in memory is used up. Raised by the shell, which measures that.
    case full
    /// The request makes no sense, whatever the state is.
    case malformed(StaticText)

    /// A text of the program.
    package struct StaticText: Hashable, Sendable, ExpressibleByStringLiteral {
        package let text: String
        package init(stringLiteral text: StaticString) { self.text = text.description }
    }

    /// As Redis says it, where Redis does.
    package var text: String {
        func shown(_ name: [UInt8]) -> String { String(decoding: name, as: UTF8.self) }
        switch self {
        case .wrongType: return "WRONGTYPE Operation against a key holding the wrong kind of value"
        case .noSuchStream(let name): return "ERR no such stream '\(shown(name))'"
        case .noSuchGroup(let group, let stream):
            return "NOGROUP No such key '\(shown(stream))' or consumer group '\(shown(group))'"
        case .append(let error): return CommandError.text(of: error).description
        case .full: return "OOM command not allowed when used memory > 'maxmemory'."
        case .malformed(let text): return "ERR \(text.text)"
        }
    }
}

/// A change of a stream, which is a key of database 0, in a transaction over keys and streams.
///
/// It is a command of Redis's, so that whatever that does to a stream, and to those who wait for it, happens here too.
package struct StreamOperation: Sendable {
    package enum Kind: Hashable, Sendable {
        case append(AppendID, byteCount: Int, mustExist: Bool)
        case acknowledge, negativeAcknowledge, trim, delete
    }

    package static let database = 0

    package let kind: Kind
    package let entry: CommandEntry
    package let arguments: Arguments

    private init(_ kind: Kind, _ words: [[UInt8]]) {
        self.kind = kind
        arguments = Arguments(words)
        guard case .found(let entry) = CommandTable.shared.find(arguments) else {
            preconditionFailure("no such command: \(words)")
        }
        self.entry = entry
    }

    package var stream: [UInt8] { arguments.array(1) }
    package var isAppend: Bool { if case .append = kind { true } else { false } }

    private static func word(_ id: StreamID) -> [UInt8] {
        var word: [UInt8] = []
        id.append(to: &word)
        return word
    }

    /// - Parameters:
    ///   - id: `nil`: the next one.
    ///   - fields: names and values in turn; at least one of each.
    package static func append(
        to stream: [UInt8], id: StreamID?, fields: [[UInt8]], mustExist: Bool
    ) throws(StreamRefusal) -> StreamOperation {
        guard fields.count >= 2, fields.count & 1 == 0 else { throw .malformed("an entry needs a field") }
        if id == .zero { throw .append(.addIDIsZero) }
        let kind = Kind.append(
            id.map { .explicit($0) } ?? .automatic, byteCount: fields.reduce(0) { $0 + $1.count },
            mustExist: mustExist)
        return StreamOperation(kind, [Array("XADD".utf8), stream, id.map { word($0) } ?? [UInt8(ascii: "*")]] + fields)
    }

    package static func acknowledge(
        _ ids: [StreamID], group: [UInt8], of stream: [UInt8]
    ) throws(StreamRefusal) -> StreamOperation {
        if ids.isEmpty { throw .malformed("no entries are named") }
        return StreamOperation(.acknowledge, [Array("XACK".utf8), stream, group] + ids.map { word($0) })
    }

    package static func negativelyAcknowledge(
        _ ids: [StreamID], group: [UInt8], of stream: [UInt8], _ mode: ReleaseMode
    ) throws(StreamRefusal) -> StreamOperation {
        if ids.isEmpty { throw .malformed("no entries are named") }
        let name: StaticString =
            switch mode {
            case .silent: "SILENT"
            case .fail: "FAIL"
            case .fatal: "FATAL"
            }
        let words: [[UInt8]] = [
            Array("XNACK".utf8), stream, group, Array(name.description.utf8), Array("IDS".utf8),
            Array(String(ids.count).utf8),
        ]
        return StreamOperation(.negativeAcknowledge, words + ids.map { word($0) })
    }

    package static func trim(
        _ stream: [UInt8], _ strategy: Trim.Strategy, isApproximate: Bool
    ) -> StreamOperation {
        let (name, bound): (StaticString, [UInt8]) =
            switch strategy {
            case .maximumLength(let count): ("MAXLEN", Array(String(count).utf8))
            case .minimumID(let id): ("MINID", word(id))
            }
        let sign = isApproximate ? UInt8(ascii: "~") : UInt8(ascii: "=")
        return StreamOperation(.trim, [Array("XTRIM".utf8), stream, Array(name.description.utf8), [sign], bound])
    }

    package static func delete(_ ids: [StreamID], of stream: [UInt8]) throws(StreamRefusal) -> StreamOperation {
        if ids.isEmpty { throw .malformed("no entries are named") }
        return StreamOperation(.delete, [Array("XDEL".utf8), stream] + ids.map { word($0) })
    }

    fileprivate func call(now: Int64, seed: UInt64 = 0) -> Call {
        Call(arguments, database: Self.database, now: now, seed: seed)
    }
}

/// What a `StreamOperation` did.
package enum StreamOutcome: Hashable, Sendable {
    case appended(StreamID)
    /// How many entries.
    case acknowledged(Int), negativelyAcknowledged(Int), trimmed(Int), deleted(Int)
}

extension Keyspace {
    /// Refuses what couldn't be done of the operations, in their order.
    package mutating func check(_ operations: [StreamOperation], now: Int64) throws(StreamRefusal) {
        // Last IDs of streams that earlier ones append to. Only searched.
        var appended: [[UInt8]: StreamID] = [:]
        // Streams to which dead letters may come by then, whose last IDs nobody knows. Only searched.
        var buried: Set<[UInt8]> = []
        for operation in operations {
            let name = operation.stream
            let place = try stream(named: name, now: now)
            switch operation.kind {
            case .append(let id, let byteCount, let mustExist):
                if buried.contains(name) {
                    throw .malformed("an append must stand before what may put dead letters into its stream")
                }
                let known = appended[name] ?? place.map { ask($0) { $0.lastID } }
                if mustExist, known == nil { throw .noSuchStream(name) }
                if byteCount > FieldList.maximumContentBytes { throw .append(.elementsTooLarge) }
                do throws(StreamError) {
                    appended[name] = try id.resolved(after: known ?? .zero, now: UInt64(max(now, 0)))
                } catch {
                    throw .append(error)
                }
            case .acknowledge, .negativeAcknowledge:
                let group = operation.arguments.array(2)
                guard let place, ask(place, { $0.hasGroup(named: group) }) else {
                    throw .noSuchGroup(group, stream: name)
                }
                if operation.kind == .negativeAcknowledge,
                    let target = deadLetterTarget(place, group, operation.call(now: now))
                {
                    buried.insert(target)
                }
            case .trim, .delete: continue
            }
        }
    }

    /// The blocks that an operation needs and that are not in memory.
    package func wantedBlocks(_ operation: StreamOperation, now: Int64) -> [WantedBlock] {
        mayLackBlocks ? wantedBlocks(operation.entry, operation.call(now: now)) : []
    }

    /// Carries out an operation that was checked together with those before it.
    package mutating func apply(_ operation: StreamOperation, now: Int64, seed: UInt64) -> StreamOutcome {
        var reply = ReplyWriter()
        let outcome = apply(operation.entry, operation.call(now: now, seed: seed), &reply)
        precondition(
            outcome == .replied, "what was checked is refused: \(String(decoding: reply.bytes, as: UTF8.self))")
        switch operation.kind {
        case .append:
            guard let place = try? stream(named: operation.stream, now: now) else {
                preconditionFailure("an append left no stream behind")
            }
            return .appended(ask(place) { $0.lastID })
        case .acknowledge: return .acknowledged(Self.count(reply))
        case .negativeAcknowledge: return .negativelyAcknowledged(Self.count(reply))
        case .trim: return .trimmed(Self.count(reply))
        case .delete: return .deleted(Self.count(reply))
        }
    }

    /// What a reply of one number says: a colon stands in front, an end of line behind.
    private static func count(_ reply: ReplyWriter) -> Int {
        guard let number = Decimal.integer(reply.bytes[1..<reply.bytes.count - 2].span.bytes) else {
            preconditionFailure("no number: \(String(decoding: reply.bytes, as: UTF8.self))")
        }
        return Int(number)
    }
}
