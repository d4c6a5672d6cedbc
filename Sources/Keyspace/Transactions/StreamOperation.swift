// SPDX-License-Identifier: Apache-2.0

import MartletBasics
public import MartletRESPCodec
public import MartletStreams

/// Why a transaction over keys and streams can't be done for its streams' sake. Nothing has changed.
public enum StreamRefusal: Error, Hashable, Sendable {
    case wrongType([UInt8])
    case noSuchStream([UInt8])
    case noSuchGroup([UInt8], stream: [UInt8])
    case append(StreamError)
    /// What streams may take in memory is used up. Raised by the shell, which measures that.
    case full
    /// The request makes no sense, whatever the state is.
    case malformed(StaticText)

    /// A text of the program.
    public struct StaticText: Hashable, Sendable, ExpressibleByStringLiteral {
        public let text: String
        public init(stringLiteral text: StaticString) { self.text = text.description }
    }

    /// As Redis says it, where Redis does.
    public var text: String {
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
public struct StreamOperation: Sendable {
    public enum Kind: Hashable, Sendable {
        case append(AppendID, byteCount: Int, mustExist: Bool)
        case acknowledge, negativeAcknowledge, trim, delete
    }

    public static let database = 0

    public let kind: Kind
    public let arguments: Arguments

    private init(_ kind: Kind, _ arguments: Arguments) {
        self.kind = kind
        self.arguments = arguments
    }

    private init(_ kind: Kind, _ words: [[UInt8]]) { self.init(kind, Arguments(words)) }

    public var entry: CommandEntry {
        switch kind {
        case .append: Command.append
        case .acknowledge: Command.acknowledge
        case .negativeAcknowledge: Command.negativelyAcknowledge
        case .trim: Command.trim
        case .delete: Command.delete
        }
    }

    private enum Command {
        static let append = entry("XADD")
        static let acknowledge = entry("XACK")
        static let negativelyAcknowledge = entry("XNACK")
        static let trim = entry("XTRIM")
        static let delete = entry("XDEL")

        private static func entry(_ name: String) -> CommandEntry {
            guard let entry = CommandTable.shared.entry(Arguments(name)) else { preconditionFailure("no \(name)") }
            return entry
        }
    }

    public var stream: [UInt8] { arguments.array(1) }
    public var isAppend: Bool { if case .append = kind { true } else { false } }

    private static func word(_ id: StreamID) -> [UInt8] {
        var word: [UInt8] = []
        id.append(to: &word)
        return word
    }

    /// An entry that is to be appended, made of names and values one by one.
    public struct Appending {
        private let id: StreamID?
        private var words: Arguments.Builder
        private var pairCount = 0
        /// Of names and values.
        private var byteCount = 0

        /// - Parameters:
        ///   - id: `nil`: the next one.
        ///   - pairCount: so many come, about; and so many bytes of them.
        public init(to stream: RawSpan, id: StreamID?, pairCount: Int, byteCount: Int) {
            self.id = id
            words = Arguments.Builder(
                wordCount: StreamOperation.fieldsBegin + 2 * pairCount,
                byteCount: stream.byteCount + byteCount + StreamOperation.appendWordBytes)
            words.append("XADD")
            words.append(stream)
            if let id { words.append(StreamOperation.word(id).span.bytes) } else { words.append("*") }
        }

        public mutating func append(_ name: RawSpan, _ value: RawSpan) {
            words.append(name)
            words.append(value)
            pairCount += 1
            byteCount += name.byteCount + value.byteCount
        }

        public func operation(mustExist: Bool) throws(StreamRefusal) -> StreamOperation {
            guard pairCount > 0 else { throw .malformed("an entry needs a field") }
            if id == .zero { throw .append(.addIDIsZero) }
            return StreamOperation(
                .append(id.map { .explicit($0) } ?? .automatic, byteCount: byteCount, mustExist: mustExist),
                words.arguments)
        }
    }

    /// Behind the command, its stream and the ID.
    fileprivate static let fieldsBegin = 3

    /// The name of the command, and its ID as long as IDs of our days get.
    private static let appendWordBytes = 40

    public static func acknowledge(
        _ ids: [StreamID], group: [UInt8], of stream: [UInt8]
    ) throws(StreamRefusal) -> StreamOperation {
        if ids.isEmpty { throw .malformed("no entries are named") }
        return StreamOperation(
            .acknowledge, [Array("XACK".utf8), stream, group] + ids.map { word($0) })
    }

    public static func negativelyAcknowledge(
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
        return StreamOperation(
            .negativeAcknowledge, words + ids.map { word($0) })
    }

    public static func trim(
        _ stream: [UInt8], _ strategy: Trim.Strategy, isApproximate: Bool
    ) -> StreamOperation {
        let (name, bound): (StaticString, [UInt8]) =
            switch strategy {
            case .maximumLength(let count): ("MAXLEN", Array(String(count).utf8))
            case .minimumID(let id): ("MINID", word(id))
            }
        let sign = isApproximate ? UInt8(ascii: "~") : UInt8(ascii: "=")
        return StreamOperation(
            .trim, [Array("XTRIM".utf8), stream, Array(name.description.utf8), [sign], bound])
    }

    public static func delete(_ ids: [StreamID], of stream: [UInt8]) throws(StreamRefusal) -> StreamOperation {
        if ids.isEmpty { throw .malformed("no entries are named") }
        return StreamOperation(.delete, [Array("XDEL".utf8), stream] + ids.map { word($0) })
    }

    fileprivate func call(now: Int64, seed: UInt64 = 0) -> Call {
        Call(arguments, database: Self.database, now: now, seed: seed)
    }
}

/// What a `StreamOperation` did.
public enum StreamOutcome: Hashable, Sendable {
    case appended(StreamID)
    /// How many entries.
    case acknowledged(Int), negativelyAcknowledged(Int), trimmed(Int), deleted(Int)
}

extension Keyspace {
    /// Refuses what couldn't be done of the operations, in their order.
    public mutating func check(_ operations: [StreamOperation], now: Int64) throws(StreamRefusal) {
        // Last IDs of streams that earlier ones append to. Only searched.
        var appended: [[UInt8]: StreamID] = [:]
        // Streams to which dead letters may come by then, whose last IDs nobody knows. Only searched.
        var buried: Set<[UInt8]> = []
        for number in operations.indices {
            let place = try stream(of: operations[number], now: now)
            switch operations[number].kind {
            case .append(let id, let byteCount, let mustExist):
                // Its name is read only where it matters: here the operation is known by its place, for a copy would
                // retain its words.
                if !buried.isEmpty, buried.contains(operations[number].stream) {
                    throw .malformed("an append must stand before what may put dead letters into its stream")
                }
                let known =
                    (appended.isEmpty ? nil : appended[operations[number].stream])
                    ?? place.map { ask($0) { $0.lastID } }
                if mustExist, known == nil { throw .noSuchStream(operations[number].stream) }
                if byteCount > FieldList.maximumContentBytes { throw .append(.elementsTooLarge) }
                let added: StreamID
                do throws(StreamError) {
                    added = try id.resolved(after: known ?? .zero, now: UInt64(max(now, 0)))
                } catch {
                    throw .append(error)
                }
                // For those behind it; mostly there are none.
                if number + 1 < operations.count { appended[operations[number].stream] = added }
            case .acknowledge, .negativeAcknowledge:
                let operation = operations[number]
                let group = operation.arguments.array(2)
                guard let place, ask(place, { $0.hasGroup(named: group) }) else {
                    throw .noSuchGroup(group, stream: operation.stream)
                }
                if operation.kind == .negativeAcknowledge,
                    let target = deadLetterTarget(place, group.span.bytes, operation.call(now: now))
                {
                    buried.insert(target)
                }
            case .trim, .delete: continue
            }
        }
    }

    /// The stream that an operation is about.
    private mutating func stream(of operation: StreamOperation, now: Int64) throws(StreamRefusal) -> Int? {
        let (database, name) = (StreamOperation.database, operation.arguments.range(1))
        guard let place = databases[database].place(of: operation.arguments.bytes.span.bytes.extracting(name)),
            !databases[database][place].isExpired(at: now)
        else { return nil }
        guard case .stream(let stream) = databases[database][place].value else { throw .wrongType(operation.stream) }
        return stream
    }

    /// The blocks that an operation needs and that are not in memory.
    public func wantedBlocks(_ operation: StreamOperation, now: Int64) -> [WantedBlock] {
        mayLackBlocks ? wantedBlocks(operation.entry, operation.call(now: now)) : []
    }

    /// Carries out an operation that was checked together with those before it.
    public mutating func apply(_ operation: StreamOperation, now: Int64, seed: UInt64) -> StreamOutcome {
        let call = operation.call(now: now, seed: seed)
        return switch operation.kind {
        case .append(let id, _, _): .appended(append(id, call))
        case .acknowledge: .acknowledged(count(operation.entry, call))
        case .negativeAcknowledge: .negativelyAcknowledged(count(operation.entry, call))
        case .trim: .trimmed(count(operation.entry, call))
        case .delete: .deleted(count(operation.entry, call))
        }
    }

    /// What a command answers with a number.
    private mutating func count(_ entry: CommandEntry, _ call: Call) -> Int {
        var reply = ReplyWriter()
        let outcome = apply(entry, call, &reply)
        precondition(
            outcome == .replied, "what was checked is refused: \(String(decoding: reply.bytes, as: UTF8.self))")
        return Self.count(reply)
    }

    /// As XADD does once it has read its words, and without a reply.
    private mutating func append(_ id: AppendID, _ call: Call) -> StreamID {
        do throws(CommandError) {
            guard let added = try append(id, call, fieldsFrom: StreamOperation.fieldsBegin, nil) else {
                preconditionFailure("an append without a stream")
            }
            return added
        } catch {
            preconditionFailure("what was checked is refused: \(error)")
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
