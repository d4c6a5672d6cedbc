// SPDX-License-Identifier: Apache-2.0

import MartletKeyspace
import MartletRESPCodec

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Settings of this server, beside those that shape the state: they hold until it ends.
struct ServerSettings {
    var notifications: KeyEvent.Kinds = []
    var limits = ClientLimits()
    /// Microseconds from which on a command is noted as slow; −1: none is. Source: Redis.
    var slowMicroseconds = 10_000
    /// Slow commands that are kept. Source: Redis.
    var slowEntries = 128
    /// Milliseconds from which on a latency is noted; 0: none is. Source: Redis.
    var latencyMilliseconds = 0

    init(_ limits: ClientLimits) {
        self.limits = limits
    }

    /// A command that takes less leaves no note.
    var notableNanoseconds: UInt64 {
        let slow = slowMicroseconds < 0 ? UInt64.max : UInt64(slowMicroseconds).saturating(times: 1000)
        let latency =
            latencyMilliseconds == 0 ? UInt64.max : UInt64(latencyMilliseconds).saturating(times: 1_000_000)
        return min(slow, latency)
    }
}

extension UInt64 {
    fileprivate func saturating(times factor: UInt64) -> UInt64 {
        let (product, overflows) = multipliedReportingOverflow(by: factor)
        return overflows ? .max : product
    }
}

/// What can be wrong with a value, in the words that Redis's clients know.
struct SettingFault: Error {
    var reason: String

    static let notInteger = SettingFault(reason: "argument couldn't be parsed into an integer")
    static let notSize = SettingFault(reason: "argument must be a memory value")
    static let immutable = SettingFault(reason: "can't set immutable config")
    static let duplicate = SettingFault(reason: "duplicate parameter")
    static let badEvents = SettingFault(reason: "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")

    static func range(_ range: ClosedRange<Int>) -> SettingFault {
        SettingFault(reason: "argument must be between \(range.lowerBound) and \(range.upperBound) inclusive")
    }

    static func tooManyClients(_ possible: Int) -> SettingFault {
        SettingFault(
            reason: "The operating system is not able to handle the specified number of clients, try with \(possible)")
    }
}

extension ServerSettings {
    /// How a setting is read and set.
    private enum Kind: Sendable {
        case number(any WritableKeyPath<ServerSettings, Int> & Sendable, ClosedRange<Int>)
        case size(any WritableKeyPath<ServerSettings, Int> & Sendable, ClosedRange<Int>)
        case outputLimits
        case events
        /// Holds here whatever is set: all is in the log, and the log is synced.
        case without(String)
        /// Never set.
        case immutable(String)
    }

    /// Of slow commands. What they take together is `SlowLog.maximumBytes` at most.
    private static let maximumSlowEntries = 1 << 16

    private static let table: [(name: String, kind: Kind)] = [
        ("aof-use-rdb-preamble", .without("yes")), ("appendfsync", .without("always")),
        ("appendonly", .without("yes")), ("client-output-buffer-limit", .outputLimits),
        ("client-query-buffer-limit", .size(\.limits.queryBytes, ClientLimits.leastQueryBytes...Int.max)),
        ("cluster-enabled", .immutable("no")), ("databases", .immutable("\(Keyspace.databaseCount)")),
        ("latency-monitor-threshold", .number(\.latencyMilliseconds, 0...Int.max)),
        ("maxclients", .number(\.limits.clients, 1...Int(UInt32.max))), ("maxmemory", .without("0")),
        ("maxmemory-policy", .without("noeviction")), ("notify-keyspace-events", .events),
        ("proto-max-bulk-len", .without("16777216")), ("save", .without("")),
        ("slowlog-log-slower-than", .number(\.slowMicroseconds, -1...Int.max)),
        ("slowlog-max-len", .number(\.slowEntries, 0...maximumSlowEntries)),
        ("tcp-keepalive", .number(\.limits.keepaliveSeconds, 0...Int(Int32.max))),
        ("timeout", .number(\.limits.idleSeconds, 0...Int(Int32.max))),
    ]

    /// All names with their values, in byte order.
    func all(_ keyspace: Keyspace) -> [(name: String, value: String)] {
        var all = Self.table.map { (name: $0.name, value: value($0.kind)) }
        for name in KeyspaceSettings.names {
            all.append((name: name, value: keyspace.settings.value(of: name).map { "\($0)" } ?? ""))
        }
        return all.sorted { $0.name < $1.name }
    }

    private func value(_ kind: Kind) -> String {
        switch kind {
        case .number(let place, _), .size(let place, _): "\(self[keyPath: place])"
        case .outputLimits: limits.output.text
        case .events: notifications.text
        case .without(let value), .immutable(let value): value
        }
    }

    /// - Returns: whether there is a setting of the name.
    mutating func set(_ name: String, _ text: String) throws(SettingFault) -> Bool {
        guard let kind = Self.table.first(where: { $0.name == name })?.kind else { return false }
        switch kind {
        case .number(let place, let range):
            guard let number = Int(text), !text.hasPrefix("+") else { throw .notInteger }
            guard range.contains(number) else { throw .range(range) }
            if name == "maxclients", number > FileLimit.clients { throw .tooManyClients(FileLimit.clients) }
            self[keyPath: place] = number
        case .size(let place, let range):
            guard let bytes = MemorySize.bytes(text) else { throw .notSize }
            guard range.contains(bytes) else { throw .range(range) }
            self[keyPath: place] = bytes
        case .outputLimits:
            do throws(OutputLimits.Malformed) {
                try limits.output.set(text)
            } catch {
                throw SettingFault(reason: error.reason)
            }
        case .events:
            guard let kinds = KeyEvent.Kinds(text: text) else { throw .badEvents }
            notifications = kinds
        case .without: return true
        case .immutable: throw .immutable
        }
        return true
    }
}

/// How many files a process may have open.
enum FileLimit {
    /// For what is no client: the log, tables, other members. Source: Redis.
    private static let reserved = 32

    /// Clients that there are file numbers for.
    static var clients: Int {
        var limit = rlimit()
        #if canImport(Glibc)
        let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
        let kind = RLIMIT_NOFILE
        #endif
        guard getrlimit(kind, &limit) == 0 else { return Int(Int32.max) }
        return max(Int(clamping: limit.rlim_cur) - reserved, 1)
    }
}

extension ClientHub {
    /// Whether CONFIG SET names settings of this server alone. Those that shape the state are the keyspace's matter.
    func keepsToItself(_ entry: CommandEntry, _ arguments: Arguments) -> Bool {
        entry.flags.contains(.admin) && entry.name == "config|set"
            && !(2..<arguments.count).contains {
                $0 & 1 == 0 && KeyspaceSettings.names.contains(arguments.text($0).lowercased())
            }
    }

    func configGet(_ arguments: Arguments, _ reply: inout ReplyWriter) {
        let patterns = (2..<arguments.count).map { arguments.text($0) }
        let found = settings.all(engine.keyspace).filter { setting in
            patterns.contains { Glob.matches($0, setting.name, ignoresCase: true) }
        }
        reply.map(found.count)
        for setting in found {
            reply.bulk(setting.name)
            reply.bulk(setting.value)
        }
    }

    /// All or none.
    func configSet(_ arguments: Arguments, _ reply: inout ReplyWriter) {
        if arguments.count & 1 != 0 { return reply.error("ERR syntax error") }
        var changed = settings
        var names: Set<String> = []
        for index in stride(from: 2, to: arguments.count, by: 2) {
            let name = arguments.text(index).lowercased()
            do throws(SettingFault) {
                guard try changed.set(name, arguments.text(index + 1)) else {
                    return reply.error(
                        "ERR Unknown option or number of arguments for CONFIG SET - '\(arguments.text(index))'")
                }
                if !names.insert(name).inserted { throw .duplicate }
            } catch {
                return reply.error(
                    "ERR CONFIG SET failed (possibly related to argument '\(name)') - \(error.reason)")
            }
        }
        take(changed)
        reply.ok()
    }

    private func take(_ changed: ServerSettings) {
        settings = changed
        notableNanoseconds = changed.notableNanoseconds
        slowLog.keep(changed.slowEntries)
        engine.isNotifying = !changed.notifications.isDisjoint(with: [.keyspace, .keyevent])
        watchAnew()
    }
}
