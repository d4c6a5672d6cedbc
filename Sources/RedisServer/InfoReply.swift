// SPDX-License-Identifier: Apache-2.0

import MartletKeyspace
import MartletRESPCodec
import NIOCore

/// Names and values.
typealias InfoLines = [(String, String)]

extension ClientHub {
    /// Sections that are told where they are asked for, or all are.
    private static let longSections: Set<String> = ["commandstats", "latencystats"]

    /// INFO: sections in the order in which Redis has them.
    func info(_ arguments: Arguments, _ reply: inout ReplyWriter) {
        let asked = Set((1..<max(arguments.count, 1)).map { arguments.text($0).lowercased() })
        let isAll = !asked.isDisjoint(with: ["all", "everything"])
        let isDefault = asked.isEmpty || asked.contains("default")
        var text = ""
        for (title, lines) in sections {
            let name = title.lowercased()
            guard isAll || isDefault && !Self.longSections.contains(name) || asked.contains(name) else { continue }
            if !text.isEmpty { text += "\r\n" }
            text += "# \(title)\r\n" + lines().map { "\($0.0):\($0.1)\r\n" }.joined()
        }
        reply.verbatim(text)
    }

    private var sections: [(title: String, lines: () -> InfoLines)] {
        [
            ("Server", serverLines), ("Clients", clientLines), ("Memory", memoryLines),
            ("Persistence", persistenceLines), ("Stats", statisticsLines), ("Replication", replicationLines),
            ("CPU", { ProcessorTime.lines }), ("Modules", { [] }), ("Commandstats", { self.calls.commandLines }),
            ("Errorstats", { self.calls.errorLines }), ("Latencystats", { self.calls.latencyLines }),
            ("Cluster", { [("cluster_enabled", "0")] }), ("Keyspace", keyspaceLines),
        ]
    }

    private func serverLines() -> InfoLines {
        let uptime = Int64((NIODeadline.now() - startedAt).nanoseconds / 1_000_000_000)
        // As etcd's tools write it. By it a client tells whether keys and streams are the same cluster's.
        let cluster = configuration.clusterID.map { [("martlet_cluster_id", String($0, radix: 16))] } ?? []
        return [
            ("redis_version", configuration.environment.redisVersion), ("redis_mode", "standalone"),
            ("server_name", "martlet"), ("os", ProcessFacts.system), ("arch_bits", "\(Int.bitWidth)"),
            ("multiplexing_api", ProcessFacts.multiplexing), ("process_id", "\(ProcessFacts.id)"), ("run_id", runID),
            ("tcp_port", "\(tcpPort)"), ("server_time_usec", "\(engine.now * 1000)"),
            ("uptime_in_seconds", "\(uptime)"), ("uptime_in_days", "\(uptime / 86_400)"),
            ("executable", CommandLine.arguments.first ?? ""), ("config_file", ""),
        ] + cluster
    }

    /// Clients can't be paused, nor have their reads tracked.
    private func clientLines() -> InfoLines {
        var (subscribers, watching, watched, input, output) = (0, 0, 0, 0, 0)
        for connection in connections.values {
            if connection.session.isSubscriber { subscribers += 1 }
            if !connection.session.watched.isEmpty { watching += 1 }
            watched += connection.session.watched.count
            input = max(input, connection.queryBytes.used)
            output = max(output, connection.unreadBytes)
        }
        let blocked = engine.blocked
        return [
            ("connected_clients", "\(connections.count)"), ("cluster_connections", "0"),
            ("maxclients", "\(settings.limits.clients)"), ("client_recent_max_input_buffer", "\(input)"),
            ("client_recent_max_output_buffer", "\(output)"), ("blocked_clients", "\(blocked.clients)"),
            ("tracking_clients", "0"), ("pubsub_clients", "\(subscribers)"), ("watching_clients", "\(watching)"),
            ("clients_in_timeout_table", "0"), ("total_watched_keys", "\(watched)"),
            ("total_blocking_keys", "\(blocked.keys)"), ("total_blocking_keys_on_nokey", "\(blocked.keysOfGroups)"),
        ]
    }

    private func statisticsLines() -> InfoLines {
        let rates = rates.sample(statistics, at: .now())
        return [
            ("total_connections_received", "\(statistics.connections)"),
            ("total_commands_processed", "\(statistics.commands)"),
            ("instantaneous_ops_per_sec", "\(UInt64(rates.commands))"),
            ("total_net_input_bytes", "\(statistics.inputBytes)"),
            ("total_net_output_bytes", "\(statistics.outputBytes)"),
            ("instantaneous_input_kbps", rates.inputKilobytes.fixed(2)),
            ("instantaneous_output_kbps", rates.outputKilobytes.fixed(2)),
            ("rejected_connections", "\(statistics.rejectedConnections)"), ("evicted_keys", "0"),
            ("keyspace_hits", "\(statistics.lookups.found)"), ("keyspace_misses", "\(statistics.lookups.missing)"),
            ("client_query_buffer_limit_disconnections", "\(statistics.queryDisconnections)"),
            ("client_output_buffer_limit_disconnections", "\(statistics.outputDisconnections)"),
            ("unexpected_error_replies", "0"), ("total_error_replies", "\(calls.errorCount)"),
            ("pubsub_channels", "\(subscriptions.channelCount)"),
            ("pubsub_patterns", "\(subscriptions.patternCount)"),
            ("pubsubshard_channels", "\(shardSubscriptions.channelCount)"),
            ("martlet_messages_lost", "\(engine.lostMessages)"),
            ("martlet_messages_unconfirmed", "\(engine.unconfirmedMessages)"),
        ]
    }

    private func replicationLines() -> InfoLines {
        [
            ("role", "master"), ("connected_slaves", "0"), ("master_repl_offset", "\(engine.offset)"),
            ("martlet_role", engine.cluster.isLeader ? "leader" : "follower"),
            ("martlet_voters", "\(engine.cluster.voters)"),
            ("martlet_acknowledging_members", "\(engine.cluster.acknowledging)"),
        ]
    }

    private func keyspaceLines() -> InfoLines {
        let now = engine.now
        return (0..<Keyspace.databaseCount).compactMap { database in
            let counts = engine.keyspace.counts(of: database)
            if counts.keys == 0 { return nil }
            let ttl = engine.keyspace.averageTTL(of: database, now: now)
            return ("db\(database)", "keys=\(counts.keys),expires=\(counts.expiring),avg_ttl=\(ttl),subexpiry=0")
        }
    }

    /// Of the process, and what of streams is in memory.
    private func memoryLines() -> InfoLines {
        let lines = memory.sample(at: .now()).lines
        let blocks = engine.keyspace.blockMemory
        guard let budget = blocks.budgetBytes else { return lines }
        return lines + [
            ("martlet_stream_memory", "\(budget)"), ("martlet_stream_memory_used", "\(blocks.evictableBytes)"),
            ("martlet_stream_blocks_evicted", "\(blocks.evictedCount)"),
            ("martlet_stream_blocks_loaded", "\(blocks.loadedCount)"),
        ]
    }

    /// All is in the log: nothing is ever saved apart.
    private func persistenceLines() -> InfoLines {
        [
            ("loading", "0"), ("rdb_bgsave_in_progress", "0"), ("rdb_last_bgsave_status", "ok"),
            ("aof_enabled", engine.isDurable ? "1" : "0"), ("aof_rewrite_in_progress", "0"),
            ("aof_rewrite_scheduled", "0"),
            ("aof_last_bgrewrite_status", "ok"), ("aof_last_write_status", "ok"),
        ]
    }
}
