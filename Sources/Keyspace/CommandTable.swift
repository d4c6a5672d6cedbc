// SPDX-License-Identifier: Apache-2.0

public import MartletRESPCodec

/// What a command is, for whoever runs it and whoever asks.
public final class CommandEntry: Sendable {
    public struct Flags: OptionSet, Hashable, Sendable {
        public let rawValue: UInt16

        public init(rawValue: UInt16) {
            self.rawValue = rawValue
        }

        public static let write = Flags(rawValue: 1 << 0)
        public static let readOnly = Flags(rawValue: 1 << 1)
        /// Refused when streams may not grow.
        public static let denyOOM = Flags(rawValue: 1 << 2)
        public static let fast = Flags(rawValue: 1 << 3)
        public static let blocking = Flags(rawValue: 1 << 4)
        public static let movableKeys = Flags(rawValue: 1 << 5)
        public static let noAuth = Flags(rawValue: 1 << 6)
        public static let loading = Flags(rawValue: 1 << 7)
        public static let stale = Flags(rawValue: 1 << 8)
        public static let pubSub = Flags(rawValue: 1 << 9)
        public static let admin = Flags(rawValue: 1 << 10)
        public static let noScript = Flags(rawValue: 1 << 11)
        /// Never waits in a transaction: it ends, begins or leaves one.
        public static let notQueued = Flags(rawValue: 1 << 12)
        /// Has passwords in it, which go nowhere else.
        public static let secret = Flags(rawValue: 1 << 13)
        /// May name a time zone, which only a machine's files know.
        public static let zoned = Flags(rawValue: 1 << 14)
    }

    /// Which words are keys. −1 counts from the end.
    public struct Keys: Hashable, Sendable {
        public var first: Int
        public var last: Int
        public var step: Int

        public init(_ first: Int, _ last: Int, _ step: Int = 1) {
            self.first = first
            self.last = last
            self.step = step
        }

        public static let none = Keys(0, 0, 0)
        public static let one = Keys(1, 1)
        /// Behind the name of a subcommand.
        public static let second = Keys(2, 2)
    }

    typealias Write = @Sendable (inout Keyspace, Call, inout ReplyWriter) throws(CommandError) -> Void
    typealias Read = @Sendable (Keyspace, Call, inout ReplyWriter) throws(CommandError) -> Void

    enum Handler: Sendable {
        case write(Write)
        case read(Read)
        /// A request to the key-value store, made of the command's words.
        case keys(KeyWords.Parse)
        /// By the session or the server: not a matter of the keyspace.
        case outside
    }

    /// In small letters; of a subcommand: container and name with a bar between.
    public let name: String
    /// Its place in `CommandTable.all`; of those in no table, 0.
    public let number: Int
    /// Words, the names included; negative: at least.
    public let arity: Int
    public let flags: Flags
    public let keys: Keys
    /// One sentence.
    public let summary: String
    /// The release of Redis that first had it.
    public let since: String
    public let group: CommandGroup
    let handler: Handler
    // Asked for each command, and told without a look at the handler, whose closure would be retained for it.
    public let isWrite: Bool
    public let isRead: Bool
    public let isOutside: Bool
    /// Whether it is a request to the key-value store.
    public let concernsKeys: Bool
    /// Whether its words go into the log as they came: they hold no passwords and name no time zones.
    public let isVerbatim: Bool
    public let subcommands: [CommandEntry]

    init(
        name: String, arity: Int, flags: Flags, keys: Keys, summary: String, since: String, group: CommandGroup,
        handler: Handler, subcommands: [CommandEntry], number: Int = 0
    ) {
        self.name = name
        self.number = number
        self.arity = arity
        self.flags = flags
        self.keys = keys
        self.summary = summary
        self.since = since
        self.group = group
        self.handler = handler
        self.subcommands = subcommands
        isVerbatim = flags.isDisjoint(with: [.secret, .zoned])
        (isWrite, isRead, isOutside, concernsKeys) =
            switch handler {
            case .write: (true, false, false, false)
            case .read: (false, true, false, false)
            case .keys: (flags.contains(.write), !flags.contains(.write), false, true)
            case .outside: (false, false, true, false)
            }
    }

    public func accepts(wordCount: Int) -> Bool { arity < 0 ? wordCount >= -arity : wordCount == arity }

    /// The same, at the end of a table's list, and its subcommands behind it.
    fileprivate func numbered(into all: inout [CommandEntry]) -> CommandEntry {
        let number = all.count
        all.append(self)
        var numbered: [CommandEntry] = []
        for subcommand in subcommands { numbered.append(subcommand.numbered(into: &all)) }
        let entry = CommandEntry(
            name: name, arity: arity, flags: flags, keys: keys, summary: summary, since: since, group: group,
            handler: handler, subcommands: numbered, number: number)
        all[number] = entry
        return entry
    }
}

/// The families of commands. Source: Redis, COMMAND DOCS.
public enum CommandGroup: String, Hashable, Sendable, CaseIterable {
    case connection, generic, list, pubsub = "pubsub", scripting, server, set, stream, string, transactions
    /// Martlet's own: the key-value store.
    case keyValue = "kv"
}

extension CommandEntry {
    static func write(
        _ name: String, _ arity: Int, _ flags: Flags = [], _ keys: Keys = .one, _ summary: String = "",
        since: String = "1.0.0", group: CommandGroup = .generic, _ body: @escaping Write
    ) -> CommandEntry {
        CommandEntry(
            name: name, arity: arity, flags: flags.union(.write), keys: keys, summary: summary, since: since,
            group: group, handler: .write(body), subcommands: [])
    }

    static func read(
        _ name: String, _ arity: Int, _ flags: Flags = [], _ keys: Keys = .one, _ summary: String = "",
        since: String = "1.0.0", group: CommandGroup = .generic, _ body: @escaping Read
    ) -> CommandEntry {
        CommandEntry(
            name: name, arity: arity, flags: flags.union(.readOnly), keys: keys, summary: summary, since: since,
            group: group, handler: .read(body), subcommands: [])
    }

    static func outside(
        _ name: String, _ arity: Int, _ flags: Flags = [], _ summary: String = "", since: String = "1.0.0",
        group: CommandGroup = .server, keys: Keys = .none
    ) -> CommandEntry {
        CommandEntry(
            name: name, arity: arity, flags: flags.union([.loading, .stale]), keys: keys, summary: summary,
            since: since, group: group, handler: .outside, subcommands: [])
    }

    static func container(
        _ name: String, _ summary: String, since: String = "5.0.0", group: CommandGroup = .stream,
        _ subcommands: [CommandEntry]
    ) -> CommandEntry {
        let hasHelp = subcommands.contains { $0.subcommandName == "help" }
        return CommandEntry(
            name: name, arity: -2, flags: [], keys: .none, summary: summary, since: since, group: group,
            handler: .outside,
            subcommands: hasHelp ? subcommands : subcommands + [.help(of: name, since: since, group: group)])
    }

    static func help(of name: String, since: String, group: CommandGroup) -> CommandEntry {
        .outside(name + "|help", 2, [], "Lists the subcommands.", since: since, group: group)
    }
}

/// All commands, found by name.
public struct CommandTable: Sendable {
    public static let shared = CommandTable(families.flatMap { $0 })

    private static let families: [[CommandEntry]] = [
        CommandEntry.streams, CommandEntry.queues, CommandEntry.groups, CommandEntry.keys, CommandEntry.strings,
        CommandEntry.lists, CommandEntry.sets, CommandEntry.connection, CommandEntry.server, CommandEntry.users,
        CommandEntry.keyValues,
    ]

    /// In byte order of names.
    public let entries: [CommandEntry]
    /// The same, and behind each its subcommands: an entry's number is its place here.
    public let all: [CommandEntry]
    /// Entry + 1 by hash; 0: free.
    private var cells: [UInt16]

    private static let cellCount = 1024

    init(_ entries: [CommandEntry]) {
        var all: [CommandEntry] = []
        self.entries = entries.sorted { $0.name < $1.name }.map { $0.numbered(into: &all) }
        self.all = all
        cells = [UInt16](repeating: 0, count: Self.cellCount)
        for (place, entry) in self.entries.enumerated() {
            var cell = Self.home(Array(entry.name.utf8), 0..<entry.name.utf8.count)
            while cells[cell] != 0 { cell = (cell + 1) % Self.cellCount }
            cells[cell] = UInt16(place + 1)
        }
    }

    @inline(__always)
    private static func home(_ bytes: [UInt8], _ range: Range<Int>) -> Int {
        var hash: UInt32 = 5381
        for offset in range { hash = hash &* 33 ^ UInt32(bytes[offset] | 0x20) }
        return Int(hash ^ hash >> 15) & (cellCount - 1)
    }

    /// The command that a word names, in letters of whatever case.
    public func entry(_ arguments: Arguments) -> CommandEntry? {
        let range = arguments.range(0)
        var cell = Self.home(arguments.bytes, range)
        while cells[cell] != 0 {
            let place = Int(cells[cell]) - 1
            if arguments.isSame(0, entries[place].name) { return entries[place] }
            cell = (cell + 1) % Self.cellCount
        }
        return nil
    }

    public func entry(named name: String) -> CommandEntry? { entry(Arguments(name)) }

    /// The command or subcommand that words name, whatever their count.
    public func named(_ arguments: Arguments) -> CommandEntry? {
        guard let entry = entry(arguments) else { return nil }
        if entry.subcommands.isEmpty || arguments.count == 1 { return entry }
        return entry.subcommands.first { arguments.isSame(1, $0.subcommandName) }
    }

    /// What became of looking for the command of a request.
    public enum Finding: Sendable {
        case found(CommandEntry)
        /// A whole error.
        case refused(String)
    }

    /// The command or subcommand of a request, with its count of words checked.
    public func find(_ arguments: Arguments) -> Finding {
        guard let entry = entry(arguments) else { return .refused(Self.unknown(arguments)) }
        if entry.subcommands.isEmpty || arguments.count == 1 {
            if entry.accepts(wordCount: arguments.count) { return .found(entry) }
            return .refused("ERR wrong number of arguments for '\(entry.name)' command")
        }
        guard let subcommand = entry.subcommands.first(where: { arguments.isSame(1, $0.subcommandName) }) else {
            let name = Self.quoted(arguments, 1)
            return .refused("ERR unknown subcommand '\(name)'. Try \(entry.name.uppercased()) HELP.")
        }
        if subcommand.accepts(wordCount: arguments.count) { return .found(subcommand) }
        return .refused("ERR wrong number of arguments for '\(subcommand.name)' command")
    }

    /// Of words that errors repeat, and of all of them together. Source: Redis.
    private static let repeatedBytes = 128

    private static func quoted(_ arguments: Arguments, _ index: Int) -> String {
        String(decoding: arguments[index].prefix(repeatedBytes), as: UTF8.self)
    }

    private static func unknown(_ arguments: Arguments) -> String {
        var text = ""
        for index in 1..<max(arguments.count, 1) {
            let rest = repeatedBytes - text.utf8.count
            if rest <= 0 { break }
            text += "'\(String(decoding: arguments[index].prefix(rest), as: UTF8.self))' "
        }
        let tail = text.isEmpty ? "" : ", with args beginning with: \(text)"
        return "ERR unknown command '\(quoted(arguments, 0))'\(tail)"
    }
}

extension CommandEntry {
    /// Behind the bar.
    public var subcommandName: String { String(name.split(separator: "|").last ?? "") }
}

extension Arguments {
    /// Whether a word is this one, in letters of whatever case.
    ///
    /// - Parameter name: in small letters.
    @inline(__always)
    func isSame(_ index: Int, _ name: String) -> Bool {
        let range = range(index)
        let letters = name.utf8
        guard range.count == letters.count else { return false }
        var offset = range.lowerBound
        for letter in letters {
            var byte = bytes[offset]
            if byte &- UInt8(ascii: "A") < 26 { byte |= 0x20 }
            if byte != letter { return false }
            offset += 1
        }
        return true
    }
}
