// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire

/// What clients ask, by gRPC and through the JSON gateway.
extension MetricsText {
    /// Names of the status codes 0 to 16, as etcd's metrics spell them.
    private static let codeNames = [
        "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists",
        "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented",
        "Internal", "Unavailable", "DataLoss", "Unauthenticated",
    ]

    mutating func addCalls(_ calls: CallCounts) {
        let methods = calls.methods.keys.sorted().map { path in
            (labels: Self.labels(of: path), counts: calls.methods[path] ?? CallCounts.Method())
        }
        // Families of calls begin with their first method, and there always are methods.
        family("grpc_server_started_total", .counter, "Calls that began.")
        for method in methods { sample("grpc_server_started_total", method.counts.started, method.labels) }
        family("grpc_server_handled_total", .counter, "Calls that ended, by status code.")
        for method in methods {
            for (code, name) in Self.codeNames.enumerated() {
                sample(
                    "grpc_server_handled_total", method.counts.ended[code], [("grpc_code", name)] + method.labels)
            }
        }
        family("grpc_server_msg_received_total", .counter, "Messages from clients.")
        for method in methods {
            sample("grpc_server_msg_received_total", method.counts.messagesReceived, method.labels)
        }
        family("grpc_server_msg_sent_total", .counter, "Messages to clients.")
        for method in methods { sample("grpc_server_msg_sent_total", method.counts.messagesSent, method.labels) }
        addTimes(methods)
        let received = methods.reduce(0) { $0 &+ $1.counts.bytesReceived }
        let sent = methods.reduce(0) { $0 &+ $1.counts.bytesSent }
        counter("etcd_network_client_grpc_received_bytes_total", received, "Bytes of messages from clients.")
        counter("etcd_network_client_grpc_sent_bytes_total", sent, "Bytes of messages to clients.")
        addClients(calls.clients)
    }

    private mutating func addTimes(_ methods: [(labels: Labels, counts: CallCounts.Method)]) {
        guard methods.contains(where: { $0.counts.durations != nil }) else { return }
        let name = "grpc_server_handling_seconds"
        family(name, .histogram, "Calls, from their headers to the status. Only with --metrics extensive.")
        for method in methods {
            guard let durations = method.counts.durations else { continue }
            samples(name, durations, method.labels)
        }
    }

    private mutating func addClients(_ clients: [CallCounts.Client]) {
        let name = "etcd_server_client_requests_total"
        family(name, .counter, "Calls by the version that clients tell of themselves.")
        for client in clients {
            for (kind, count) in [("unary", client.unaryCalls), ("stream", client.streams)] where count > 0 {
                sample(name, count, [("client_api_version", client.version), ("type", kind)])
            }
        }
    }

    private static func labels(of path: String) -> Labels {
        let parts = path.split(separator: "/", maxSplits: 1)
        return [
            ("grpc_method", parts.count > 1 ? String(parts[1]) : ""),
            ("grpc_service", parts.first.map(String.init) ?? ""), ("grpc_type", CallKind(path: path).rawValue),
        ]
    }

    // MARK: Probes

    mutating func addProbes(_ probes: ProbeCounts) {
        counter("etcd_server_health_success", probes.healthy, "Answers of /health that all is well.")
        counter("etcd_server_health_failures", probes.unhealthy, "Answers of /health that it isn't.")
        let checks = probes.checks.keys.sorted().compactMap { check in
            probes.checks[check].map {
                (labels: [("name", check.name), ("type", check.endpoint)] as Labels, results: $0)
            }
        }
        family("etcd_server_healthcheck", .gauge, "1 where a check of /livez or /readyz passed the last time, else 0.")
        for check in checks {
            sample("etcd_server_healthcheck", check.results.didPassLast ? 1 : 0, check.labels)
        }
        family("etcd_server_healthchecks_total", .counter, "Checks of /livez and /readyz.")
        for check in checks {
            for (status, count) in [("success", check.results.passed), ("error", check.results.failed)] where count > 0
            {
                sample("etcd_server_healthchecks_total", count, check.labels + [("status", status)])
            }
        }
    }

    // MARK: The process

    mutating func addProcess(_ process: ProcessFigures) {
        if let seconds = process.processorSeconds {
            family("process_cpu_seconds_total", .counter, "Processor time that the process has taken.")
            sample("process_cpu_seconds_total", seconds)
        }
        if let bytes = process.residentBytes {
            gauge("process_resident_memory_bytes", bytes, [], "Memory that the process holds.")
        }
        if let bytes = process.virtualBytes {
            gauge("process_virtual_memory_bytes", bytes, [], "Addresses that the process has; its tables reserve many.")
        }
        if let seconds = process.startSeconds {
            family("process_start_time_seconds", .gauge, "When the process began, in seconds since 1970.")
            sample("process_start_time_seconds", seconds)
        }
        if let count = process.openFiles {
            gauge("process_open_fds", count, [], "Open files and connections.")
            gauge("os_fd_used", count, [], "Open files and connections.")
        }
        if let limit = process.fileLimit {
            gauge("process_max_fds", limit, [], "Most files and connections that may be open.")
            gauge("os_fd_limit", limit, [], "Most files and connections that may be open.")
        }
    }
}
