// SPDX-License-Identifier: Apache-2.0

public import MartletAuth
public import MartletRESPCodec

/// What a user may not do.
public enum AccessDenial: Hashable, Sendable {
    case command(String)
    case key([UInt8])
    case channel([UInt8])

    /// Source: Redis 7.2 and later.
    public func text(of user: [UInt8]) -> String {
        switch self {
        case .command: "NOPERM " + longText(of: user)
        case .key: "NOPERM No permissions to access a key"
        case .channel: "NOPERM No permissions to access a channel"
        }
    }

    /// As a reply.
    public func write(of user: AuthName?, into reply: inout ReplyWriter) {
        reply.error(text(of: user?.bytes ?? []))
    }

    /// What it is about, for the log.
    public var object: [UInt8] {
        switch self {
        case .command(let name): Array(name.utf8)
        case .key(let name), .channel(let name): name
        }
    }

    public var reason: String {
        switch self {
        case .command: "command"
        case .key: "key"
        case .channel: "channel"
        }
    }

    /// For ACL DRYRUN.
    func longText(of user: [UInt8]) -> String {
        let name = String(decoding: user, as: UTF8.self)
        switch self {
        case .command(let command): return "User \(name) has no permissions to run the '\(command)' command"
        case .key(let key):
            return "User \(name) has no permissions to access the '\(String(decoding: key, as: UTF8.self))' key"
        case .channel(let channel):
            return "User \(name) has no permissions to access the '\(String(decoding: channel, as: UTF8.self))' channel"
        }
    }

    /// Of several sets of rules that refuse, the one that got furthest says why.
    fileprivate var depth: Int {
        switch self {
        case .command: 0
        case .key: 1
        case .channel: 2
        }
    }
}

extension AccessUser {
    func denial(_ entry: CommandEntry, _ arguments: Arguments) -> AccessDenial? {
        guard var furthest = root.denial(entry, arguments) else { return nil }
        for selector in selectors {
            guard let other = selector.denial(entry, arguments) else { return nil }
            if (other.reason.depth, other.place) > (furthest.reason.depth, furthest.place) { furthest = other }
        }
        return furthest.reason
    }
}

extension AccessRules {
    /// One set of rules must allow all of a command. With the word that it refuses.
    fileprivate func denial(
        _ entry: CommandEntry, _ arguments: Arguments
    ) -> (reason: AccessDenial, place: Int)? {
        guard allows(entry, arguments) else { return (.command(entry.name), 0) }
        if !allowsKeys {
            // Patterns name keys of Redis's databases: whoever has only some of these has none of the others.
            if entry.concernsKeys { return (.key(arguments.count > 1 ? arguments.array(1) : []), 1) }
            for (number, place) in entry.keyPlaces(arguments).enumerated()
            where !allows(key: arguments[place], entry.keyUse(number, arguments)) {
                return (.key(arguments.array(place)), place)
            }
        }
        if !allowsChannels {
            let isPattern = entry.name == "psubscribe"
            for index in entry.channelPlaces(arguments)
            where !allows(channel: arguments[index], isPattern: isPattern) {
                return (.channel(arguments.array(index)), index)
            }
        }
        return nil
    }
}

extension CommandEntry {
    /// The words of a command that are channels, or patterns of them.
    fileprivate func channelPlaces(_ arguments: Arguments) -> Range<Int> {
        switch name {
        case "subscribe", "psubscribe", "ssubscribe": 1..<max(arguments.count, 1)
        case "publish", "spublish": 1..<min(2, arguments.count)
        default: 0..<0
        }
    }
}
