// SPDX-License-Identifier: Apache-2.0

public import MartletRESPCodec
import MartletStreams

/// Replies of COMMAND and its subcommands.
enum CommandReplies {
    static func all(_ reply: inout ReplyWriter) {
        reply.array(CommandTable.shared.entries.count)
        for entry in CommandTable.shared.entries { info(entry, &reply) }
    }

    static func info(_ arguments: Arguments, _ reply: inout ReplyWriter) {
        if arguments.count == 2 { return all(&reply) }
        reply.array(arguments.count - 2)
        for index in 2..<arguments.count {
            if let entry = entry(arguments, index) { info(entry, &reply) } else { reply.nullArray() }
        }
    }

    /// A name, of a subcommand with a bar.
    private static func entry(_ arguments: Arguments, _ index: Int) -> CommandEntry? {
        let words = arguments.text(index).lowercased().split(separator: "|", maxSplits: 1)
        guard let first = words.first, let entry = CommandTable.shared.entry(named: String(first)) else { return nil }
        if words.count == 1 { return entry }
        return entry.subcommands.first { $0.subcommandName == words[1] }
    }

    private static let flagNames: [(CommandEntry.Flags, StaticString)] = [
        (.write, "write"), (.readOnly, "readonly"), (.denyOOM, "denyoom"), (.admin, "admin"), (.pubSub, "pubsub"),
        (.noScript, "noscript"), (.blocking, "blocking"), (.loading, "loading"), (.stale, "stale"), (.fast, "fast"),
        (.noAuth, "no_auth"), (.movableKeys, "movablekeys"),
    ]

    /// ACL CAT.
    static func categories(_ arguments: Arguments, _ reply: inout ReplyWriter) {
        if arguments.count > 3 { return reply.error("ERR wrong number of arguments for 'acl|cat' command") }
        var names = CommandCategory.allCases.map(\.rawValue)
        if arguments.count == 3 {
            guard let category = CommandCategory(rawValue: arguments.text(2).lowercased()) else {
                return reply.error("ERR Unknown category '\(arguments.text(2))'")
            }
            names = CommandTable.shared.entries.flatMap { [$0] + $0.subcommands }
                .filter { $0.categories.contains(category) }.map(\.name)
        }
        reply.array(names.count)
        for name in names { reply.bulk(name) }
    }

    private static func info(_ entry: CommandEntry, _ reply: inout ReplyWriter) {
        reply.array(10)
        reply.bulk(entry.name)
        reply.integer(entry.arity)
        let flags = flagNames.filter { entry.flags.contains($0.0) }
        reply.set(flags.count)
        for flag in flags { reply.simple(flag.1) }
        reply.integer(entry.keys.first)
        reply.integer(entry.keys.last)
        reply.integer(entry.keys.step)
        let categories = entry.categoryList
        reply.set(categories.count)
        for category in categories { reply.simple("@" + category.rawValue) }
        reply.array(0)
        reply.array(0)
        reply.array(entry.subcommands.count)
        for subcommand in entry.subcommands { info(subcommand, &reply) }
    }

    static func docs(_ arguments: Arguments, _ reply: inout ReplyWriter) {
        let entries =
            arguments.count == 2
            ? CommandTable.shared.entries : (2..<arguments.count).compactMap { entry(arguments, $0) }
        reply.map(entries.count)
        for entry in entries { docs(entry, &reply) }
    }

    private static func docs(_ entry: CommandEntry, _ reply: inout ReplyWriter) {
        let arguments = entry.syntax.arguments
        reply.bulk(entry.name)
        reply.map(3 + (arguments.isEmpty ? 0 : 1) + (entry.subcommands.isEmpty ? 0 : 1))
        reply.bulk("summary")
        reply.bulk(entry.summary)
        reply.bulk("since")
        reply.bulk(entry.since)
        reply.bulk("group")
        reply.bulk(entry.group.rawValue)
        if !arguments.isEmpty {
            reply.bulk("arguments")
            write(arguments, &reply)
        }
        if entry.subcommands.isEmpty { return }
        reply.bulk("subcommands")
        reply.map(entry.subcommands.count)
        for subcommand in entry.subcommands { docs(subcommand, &reply) }
    }

    /// Source: Redis 7.2 and later, but for the numbers of key specifications, of which there are none here.
    private static func write(_ arguments: [CommandArgument], _ reply: inout ReplyWriter) {
        reply.array(arguments.count)
        for argument in arguments {
            let isValue = ![.token, .choice, .block].contains(argument.kind)
            let flags = [(argument.isOptional, "optional"), (argument.isMultiple, "multiple")].filter(\.0)
            let count = 2 + (argument.token == nil ? 0 : 1) + (isValue ? 1 : 0) + (flags.isEmpty ? 0 : 1)
            reply.map(count + (argument.arguments.isEmpty ? 0 : 1))
            reply.bulk("name")
            reply.bulk(argument.name)
            reply.bulk("type")
            reply.bulk(argument.kind.rawValue)
            if isValue {
                reply.bulk("display_text")
                reply.bulk(argument.name)
            }
            if let token = argument.token {
                reply.bulk("token")
                reply.bulk(token)
            }
            if !flags.isEmpty {
                reply.bulk("flags")
                reply.set(flags.count)
                for flag in flags { reply.simple(flag.1) }
            }
            if !argument.arguments.isEmpty {
                reply.bulk("arguments")
                write(argument.arguments, &reply)
            }
        }
    }

    static func list(_ arguments: Arguments, _ reply: inout ReplyWriter) {
        var entries = CommandTable.shared.entries
        if arguments.count > 2 {
            guard arguments.count == 5, arguments.matches(2, "FILTERBY") else { return reply.error("ERR syntax error") }
            let value = arguments.text(4).lowercased()
            if arguments.matches(3, "PATTERN") {
                entries = entries.filter { Glob.matches(value, $0.name, ignoresCase: true) }
            } else if arguments.matches(3, "ACLCAT") {
                let category = CommandCategory(rawValue: value)
                entries = entries.filter { entry in category.map(entry.categories.contains) == true }
            } else if arguments.matches(3, "MODULE") {
                entries = []
            } else {
                return reply.error("ERR syntax error")
            }
        }
        reply.array(entries.count)
        for entry in entries { reply.bulk(entry.name) }
    }

    static func keys(_ arguments: Arguments, _ reply: inout ReplyWriter) {
        let command = arguments.dropping(2)
        guard case .found(let entry) = CommandTable.shared.find(command) else {
            return reply.error("ERR Invalid command specified")
        }
        let keys = entry.keyPlaces(command)
        if keys.isEmpty { return reply.error("ERR The command has no key arguments") }
        reply.array(keys.count)
        for key in keys { reply.bulk(command[key]) }
    }
}

extension CommandEntry {
    /// The words of a command that are keys.
    public func keyPlaces(_ arguments: Arguments) -> [Int] {
        if name == "sintercard" {
            guard let count = arguments.integer(1), count > 0, count <= Int64(arguments.count - 2) else { return [] }
            return Array(2..<2 + Int(count))
        }
        if flags.contains(.movableKeys) {
            guard
                let streams = (1..<arguments.count).first(where: { arguments.matches($0, "STREAMS") }),
                (arguments.count - streams - 1) & 1 == 0
            else { return [] }
            return Array(streams + 1..<streams + 1 + (arguments.count - streams - 1) / 2)
        }
        if name == "xgroup|setpolicy" {
            // Dead letters are written with the rights of whoever says where they go.
            return [2] + (GroupPolicy.deadLetterPlace(arguments, from: 4).map { [$0] } ?? [])
        }
        guard keys.first > 0 else { return [] }
        let last = keys.last < 0 ? arguments.count + keys.last : keys.last
        return Array(stride(from: keys.first, through: min(last, arguments.count - 1), by: keys.step))
    }
}
