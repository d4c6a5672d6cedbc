// SPDX-License-Identifier: Apache-2.0

public import MartletAuth
public import MartletBasics
import MartletKeyValue
public import MartletRESPCodec

/// What users of the auth service may do by Redis's protocol. A range of keys that a role reads or writes is one of
/// etcd's keys and, byte for byte, one of keys in each of Redis's databases:
///
///     a key read, or asked about                     READ
///     a key changed                                  WRITE
///     a stream read for a group, a claim             READ and WRITE: they change who gets what
///     KEYS, SCAN … MATCH, PSUBSCRIBE with a pattern  READ of all keys that begin as the pattern does
///     SCAN, DBSIZE, RANDOMKEY                        READ of every key
///     FLUSHDB, FLUSHALL, SWAPDB                      WRITE of every key
///     SUBSCRIBE, PUBLISH                             READ, WRITE of the channel's name as if it were a key's
///     KV. commands                                   what etcd asks of the same transaction
///
/// Commands of administration are for those with the role `root`, who may do all; others need no rights.
extension AuthStore {
    /// Why a user may not run a command; `nil`: it may. While authentication is off there is no such user.
    ///
    /// - Parameter attachedKeys: asked for leases that `KV.` commands attach keys to. A caller that doesn't know leaves
    ///   that to whoever carries the command out.
    public func denial(
        of name: AuthName, _ entry: CommandEntry, _ arguments: Arguments,
        attachedKeys: (LeaseID) -> [[UInt8]] = { _ in [] }
    ) -> AccessDenial? {
        if entry.flags.contains(.noAuth) { return nil }
        guard isEnabled, let permissions = permissions(of: name) else { return .command(entry.name) }
        if permissions.isRoot { return nil }
        guard ServiceRights.commands.allows(entry, arguments) else { return .command(entry.name) }
        if entry.concernsKeys { return permissions.denial(ofKeyValue: entry, arguments, attachedKeys) }
        return permissions.denial(ofNamed: entry, arguments) ?? permissions.denial(ofWhole: entry, arguments)
            ?? permissions.denial(ofChannels: entry, arguments)
    }
}

enum ServiceRights {
    /// The commands of those without the role `root`. Clients ask for the two when they connect; they tell nothing of
    /// keys.
    static let commandWords = "+@all -@admin +lastsave +role"

    static let commands: AccessRules = {
        var rules = AccessRules()
        for word in commandWords.utf8.split(separator: UInt8(ascii: " ")) {
            do throws(ModifierError) {
                try rules.apply(Array(word)[...])
            } catch {
                preconditionFailure("no rule: \(error)")
            }
        }
        rules.settle()
        return rules
    }()
}

extension UserPermissions {
    /// Redis's keys may be empty: no range begins there, so that takes all.
    func allowsReading(_ key: [UInt8]) -> Bool { key.isEmpty ? readsEverything : readable.covers(.key(key)) }
    func allowsWriting(_ key: [UInt8]) -> Bool { key.isEmpty ? writesEverything : writable.covers(.key(key)) }

    /// Whether all names may be read that a pattern can match.
    func allowsReading(matching pattern: ArraySlice<UInt8>) -> Bool {
        let (prefix, isWhole) = Glob.literalPrefix(pattern)
        if prefix.isEmpty { return readsEverything }
        return readable.covers(isWhole ? .key(prefix) : .prefix(prefix))
    }

    private func allows(_ key: [UInt8], _ use: KeyUse) -> Bool {
        (!use.contains(.reads) || allowsReading(key)) && (!use.contains(.writes) || allowsWriting(key))
    }

    // MARK: Commands

    fileprivate func denial(
        ofKeyValue entry: CommandEntry, _ arguments: Arguments, _ attachedKeys: (LeaseID) -> [[UInt8]]
    ) -> AccessDenial? {
        // One whose words make no request is answered so by whoever carries it out.
        guard let operation = try? entry.keyOperation(arguments) else { return nil }
        var denied: KeyAccess?
        try? operation.forEachAccess { (access) throws(AuthError) in
            if allows(access, attachedKeys: attachedKeys) { return }
            denied = access
            throw .permissionDenied
        }
        return denied.map { .key(AuditRecord.key(of: $0) ?? []) }
    }

    fileprivate func denial(ofNamed entry: CommandEntry, _ arguments: Arguments) -> AccessDenial? {
        for (number, place) in entry.keyPlaces(arguments).enumerated() {
            let key = arguments.array(place)
            guard allows(key, entry.serviceUse(number, arguments)) else { return .key(key) }
        }
        return nil
    }

    /// Of commands about keys that they don't name.
    fileprivate func denial(ofWhole entry: CommandEntry, _ arguments: Arguments) -> AccessDenial? {
        switch entry.name {
        case "keys": return allowsReading(matching: arguments[1]) ? nil : .key(arguments.array(1))
        case "scan":
            guard let place = (2..<max(arguments.count - 1, 2)).last(where: { arguments.matches($0, "MATCH") }) else {
                return readsEverything ? nil : .key([])
            }
            return allowsReading(matching: arguments[place + 1]) ? nil : .key(arguments.array(place + 1))
        case "dbsize", "randomkey": return readsEverything ? nil : .key([])
        case "flushdb", "flushall", "swapdb": return writesEverything ? nil : .key([])
        default: return nil
        }
    }

    fileprivate func denial(ofChannels entry: CommandEntry, _ arguments: Arguments) -> AccessDenial? {
        let isAllowed: (Int) -> Bool
        var places = 1..<arguments.count
        switch entry.name {
        case "subscribe", "ssubscribe": isAllowed = { allowsReading(arguments.array($0)) }
        case "psubscribe": isAllowed = { allowsReading(matching: arguments[$0]) }
        case "publish", "spublish": (places, isAllowed) = (1..<2, { allowsWriting(arguments.array($0)) })
        case "pubsub|numsub", "pubsub|shardnumsub":
            (places, isAllowed) = (2..<arguments.count, { allowsReading(arguments.array($0)) })
        case "pubsub|channels", "pubsub|shardchannels":
            if arguments.count == 2 { return readsEverything ? nil : .channel([]) }
            (places, isAllowed) = (2..<3, { allowsReading(matching: arguments[$0]) })
        default: return nil
        }
        return places.first { !isAllowed($0) }.map { .channel(arguments.array($0)) }
    }
}

extension CommandEntry {
    /// They tell entries' content to whoever then has them, or take entries from others: neither is reading alone.
    private static let readsAndTakes: Set<String> = ["xreadgroup", "xclaim", "xautoclaim"]

    /// As `keyUse`, where asking about a key is reading, as in etcd, and a group's reader writes.
    fileprivate func serviceUse(_ number: Int, _ arguments: Arguments) -> KeyUse {
        if Self.readsAndTakes.contains(name) { return .both }
        let use = keyUse(number, arguments)
        return use.isEmpty ? .reads : use
    }
}

extension Glob {
    /// The bytes that all names begin with which a pattern matches, and whether there is one such name alone.
    static func literalPrefix(_ pattern: ArraySlice<UInt8>) -> (prefix: [UInt8], isWhole: Bool) {
        var prefix: [UInt8] = []
        var place = pattern.startIndex
        while place < pattern.endIndex {
            switch pattern[place] {
            case UInt8(ascii: "*"), UInt8(ascii: "?"), UInt8(ascii: "["): return (prefix, false)
            case UInt8(ascii: "\\") where place + 1 < pattern.endIndex: place += 1
            default: break
            }
            prefix.append(pattern[place])
            place += 1
        }
        return (prefix, true)
    }
}
