// SPDX-License-Identifier: Apache-2.0

import MartletKeyspace
import MartletRESPCodec
import NIOCore

extension ClientHub {
    /// INFO: sections in the order in which Redis has them.
    func info(_ arguments: Arguments, _ reply: inout ReplyWriter) {
        let asked = Set((1..<max(arguments.count, 1)).map { arguments.text($0).lowercased() })
        let isAll = asked.isEmpty || !asked.isDisjoint(with: ["all", "everything", "default"])
        var text = ""
        for (name, lines) in sections() where isAll || asked.contains(name.lowercased()) {
            if !text.isEmpty { text += "\r\n" }
            text += "# \(name)\r\n" + lines.map { "\($0.0):\($0.1)\r\n" }.joined()
        }
        reply.verbatim(text)
    }

    private func sections() -> [(String, [(String, String)])] {
        let uptime = Int64((NIODeadline.now() - startedAt).nanoseconds / 1_000_000_000)
        let subscribers = connections.values.count { $0.session.isSubscriber }
        var keyspace: [(String, String)] = []
        for database in 0..<Keyspace.databaseCount {
            let counts = engine.keyspace.counts(of: database)
            if counts.keys > 0 {
                keyspace.append(("db\(database)", "keys=\(counts.keys),expires=\(counts.expiring),avg_ttl=0"))
            }
        }
        let server: [(String, String)] = [
            ("redis_version", configuration.environment.redisVersion), ("redis_mode", "standalone"),
            ("server_name", "martlet"), ("arch_bits", "64"), ("multiplexing_api", "epoll"),
            ("uptime_in_seconds", "\(uptime)"), ("uptime_in_days", "\(uptime / 86_400)"),
            ("tcp_port", "\(tcpPort)"),
        ]
        // As etcd's tools write it. By it a client tells whether keys and streams are the same cluster's.
        let cluster = configuration.clusterID.map { [("martlet_cluster_id", String($0, radix: 16))] } ?? []
        let clients: [(String, String)] = [
            ("connected_clients", "\(connections.count)"), ("maxclients", "\(configuration.clients)"),
            ("blocked_clients", "\(engine.blockedCount)"), ("pubsub_clients", "\(subscribers)"),
        ]
        let stats: [(String, String)] = [
            ("total_connections_received", "\(statistics.connections)"),
            ("total_commands_processed", "\(statistics.commands)"),
            ("total_net_input_bytes", "\(statistics.inputBytes)"),
            ("total_net_output_bytes", "\(statistics.outputBytes)"),
            ("rejected_connections", "\(statistics.rejectedConnections)"), ("evicted_keys", "0"),
            ("pubsub_patterns", "\(subscriptions.patternCount)"),
        ]
        return [
            ("Server", server + cluster), ("Clients", clients),
            (
                "Memory",
                [("used_memory", "0"), ("maxmemory", "0"), ("maxmemory_policy", "noeviction")]
                    + Self.blocks(engine.keyspace.blockMemory)
            ),
            ("Persistence", Self.persistence(engine.isDurable)), ("Stats", stats),
            (
                "Replication",
                [
                    ("role", "master"), ("connected_slaves", "0"), ("master_repl_offset", "\(engine.offset)"),
                    ("martlet_role", engine.cluster.isLeader ? "leader" : "follower"),
                    ("martlet_voters", "\(engine.cluster.voters)"),
                    ("martlet_acknowledging_members", "\(engine.cluster.acknowledging)"),
                ]
            ),
            ("Cluster", [("cluster_enabled", "0")]), ("Keyspace", keyspace),
        ]
    }

    /// What of streams is in memory.
    private static func blocks(_ memory: BlockMemory) -> [(String, String)] {
        guard let budget = memory.budgetBytes else { return [] }
        return [
            ("martlet_stream_memory", "\(budget)"), ("martlet_stream_memory_used", "\(memory.evictableBytes)"),
            ("martlet_stream_blocks_evicted", "\(memory.evictedCount)"),
            ("martlet_stream_blocks_loaded", "\(memory.loadedCount)"),
        ]
    }

    /// All is in the log: nothing is ever saved apart.
    private static func persistence(_ isDurable: Bool) -> [(String, String)] {
        [
            ("loading", "0"), ("rdb_bgsave_in_progress", "0"), ("rdb_last_bgsave_status", "ok"),
            ("aof_enabled", isDurable ? "1" : "0"), ("aof_rewrite_in_progress", "0"), ("aof_rewrite_scheduled", "0"),
            ("aof_last_bgrewrite_status", "ok"), ("aof_last_write_status", "ok"),
        ]
    }
}
