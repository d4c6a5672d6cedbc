// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec

/// What a command does to one of its keys, as far as users are allowed one and not the other. One that does neither
/// only asks whether the key is there, of which type, or how long.
struct KeyUse: OptionSet, Hashable, Sendable {
    let rawValue: UInt8

    static let reads = KeyUse(rawValue: 1)
    static let writes = KeyUse(rawValue: 2)
    static let both: KeyUse = [.reads, .writes]
}

extension CommandEntry {
    private static let asksOnly: Set<String> = [
        "exists", "touch", "type", "object|encoding", "object|freq", "object|idletime", "object|refcount",
        "memory|usage", "llen", "scard", "sismember", "strlen", "xlen", "watch",
    ]
    private static let changesWhatItReads: Set<String> = [
        "incr", "decr", "incrby", "decrby", "incrbyfloat", "getdel", "getex", "getset", "lpop", "rpop", "blpop",
        "brpop", "move", "spop",
    ]
    private static let takesFromTheFirst: Set<String> = [
        "lmove", "blmove", "rpoplpush", "brpoplpush", "rename", "renamenx", "smove", "xreplay",
    ]
    private static let writesTheFirst: Set<String> = ["sinterstore", "sunionstore", "sdiffstore"]

    /// - Parameter number: of the key among the command's keys, from 0 on.
    /// - Source: the key specifications of Redis's COMMAND INFO.
    func keyUse(_ number: Int, _ arguments: Arguments) -> KeyUse {
        if Self.asksOnly.contains(name) { return [] }
        if isRead || name == "xreadgroup" { return .reads }
        if Self.changesWhatItReads.contains(name) { return .both }
        if Self.takesFromTheFirst.contains(name) { return number == 0 ? .both : .writes }
        if Self.writesTheFirst.contains(name) { return number == 0 ? .writes : .reads }
        if name == "copy" { return number == 0 ? .reads : .writes }
        if name == "set" {
            return (3..<max(arguments.count, 3)).contains { arguments.matches($0, "GET") } ? .both : .writes
        }
        return .writes
    }
}
