// SPDX-License-Identifier: Apache-2.0

/// Kinds of commands, by which users are allowed them. Source: Redis, ACL CAT, in its order; the last is ours.
public enum CommandCategory: String, Hashable, Sendable, CaseIterable {
    case keyspace, read, write, set, sortedset, list, hash, string, bitmap, hyperloglog, geo, stream, pubsub, admin
    case fast, slow, blocking, dangerous, connection, transaction, scripting
    /// The key-value store, reading and writing: who may `@read` or `@write` Redis's keys need not see the others.
    case keyValue = "kv"
}

extension CommandEntry {
    /// Beside those that are an administrator's alone.
    private static let dangerous: Set<String> = [
        "flushall", "flushdb", "info", "keys", "lastsave", "restore", "role", "swapdb",
    ]

    private static let ofKeys: Set<String> = ["dbsize", "flushall", "flushdb", "swapdb"]
    private static let ofConnections: Set<String> = ["asking", "wait", "waitaof"]

    /// What kinds of command it is. Source: COMMAND INFO of Redis, for each command.
    public var categories: Set<CommandCategory> {
        let isContainer = !subcommands.isEmpty && name != "command"
        if isContainer { return [.slow] }
        var categories: Set<CommandCategory> = []
        let isAdministrators = flags.contains(.admin) || name == "lastsave" || name == "role"
        let readsNothing = isAdministrators || name.hasSuffix("|help") || concernsKeys
        if flags.contains(.write), !readsNothing { categories.insert(.write) }
        if flags.contains(.readOnly) && !readsNothing || name == "lolwut" { categories.insert(.read) }
        switch group {
        case .generic: if !Self.ofConnections.contains(name) { categories.insert(.keyspace) }
        case .server: if Self.ofKeys.contains(name) { categories.insert(.keyspace) }
        case .transactions: categories.insert(.transaction)
        case .connection: categories.insert(.connection)
        case .list: categories.insert(.list)
        case .pubsub: if !name.hasSuffix("|help") { categories.insert(.pubsub) }
        case .scripting: categories.insert(.scripting)
        case .set: categories.insert(.set)
        case .stream: categories.insert(.stream)
        case .string: categories.insert(.string)
        case .keyValue: categories.insert(.keyValue)
        }
        if Self.ofConnections.contains(name) || name.hasPrefix("command") { categories.insert(.connection) }
        if isAdministrators { categories.formUnion([.admin, .dangerous]) }
        if Self.dangerous.contains(name) { categories.insert(.dangerous) }
        if flags.contains(.blocking) { categories.insert(.blocking) }
        let isFast = flags.contains(.fast) && !name.contains("|") && name != "exec" || name == "lastsave"
        categories.insert(isFast ? .fast : .slow)
        return categories
    }

    /// As above, in Redis's order.
    public var categoryList: [CommandCategory] {
        let categories = categories
        return CommandCategory.allCases.filter { categories.contains($0) }
    }
}
