// SPDX-License-Identifier: Apache-2.0

import MartletKeyspace
import MartletRESPCodec

/// CONFIG: settings of this server, beside those that shape the state.
struct ServerSettings {
    var notifications: KeyEvent.Kinds = []

    /// What clients ask for and what holds here, whatever they set: all is in the log, and the log is synced.
    private static let fixed: [(name: String, value: String)] = [
        ("appendfsync", "always"), ("appendonly", "yes"), ("databases", "16"), ("maxmemory", "0"),
        ("maxmemory-policy", "noeviction"), ("proto-max-bulk-len", "16777216"), ("save", ""), ("timeout", "0"),
        ("aof-use-rdb-preamble", "yes"), ("cluster-enabled", "no"), ("maxclients", "10000"),
    ]

    /// All names with their values, in byte order.
    func all(_ keyspace: Keyspace) -> [(name: String, value: String)] {
        var all = Self.fixed
        all.append(("notify-keyspace-events", notifications.text))
        for name in KeyspaceSettings.names {
            all.append((name, keyspace.settings.value(of: name).map { "\($0)" } ?? ""))
        }
        return all.sorted { $0.name < $1.name }
    }

    static func isFixed(_ name: String) -> Bool { fixed.contains { $0.name == name } }
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

    func configSet(_ arguments: Arguments, _ reply: inout ReplyWriter) {
        if arguments.count & 1 != 0 { return reply.error("ERR wrong number of arguments for 'config|set' command") }
        var notifications = settings.notifications
        for index in stride(from: 2, to: arguments.count, by: 2) {
            let name = arguments.text(index).lowercased()
            if name == "notify-keyspace-events" {
                guard let kinds = KeyEvent.Kinds(text: arguments.text(index + 1)) else {
                    return reply.error(
                        "ERR CONFIG SET failed (possibly related to argument '\(name)') - Invalid event class "
                            + "character. Use 'Ag$lshzxeKEtmdn'.")
                }
                notifications = kinds
            } else if !ServerSettings.isFixed(name) {
                return reply.error(
                    "ERR Unknown option or number of arguments for CONFIG SET - '\(arguments.text(index))'")
            }
        }
        settings.notifications = notifications
        engine.isNotifying = !notifications.isDisjoint(with: [.keyspace, .keyevent])
        reply.ok()
    }
}
