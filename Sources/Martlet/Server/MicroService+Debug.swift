// SPDX-License-Identifier: Apache-2.0

internal import MartletWireAPI
internal import SwiftProtobuf

extension MicroService {
    /// go-micro's `Debug` handler, which its tools call; it isn't registered.
    ///
    /// `Health` says more than go-micro's, which is always `ok`: which health checks fail. `Trace` has spans only of a
    /// service that is traced, by a tracer whose spans have a W3C context.
    mutating func addDebugEndpoints() {
        let started = ProcessStatistics.unixSeconds()
        var health = Endpoint.unary(
            "Debug.Health", .eventLoop, MessageCoding<MicroDebugHealthRequest>.protobuf,
            MessageCoding<MicroDebugHealthResponse>.protobuf
        ) { _, context in
            let failures = context.runtime.health.failures
            return MicroDebugHealthResponse.with {
                $0.status = failures.isEmpty ? "ok" : "failing: " + failures.joined(separator: ", ")
            }
        }
        health.isInternal = true
        self.add(health)

        var stats = Endpoint.unary(
            "Debug.Stats", .eventLoop, MessageCoding<MicroDebugStatsRequest>.protobuf,
            MessageCoding<MicroDebugStatsResponse>.protobuf
        ) { _, _ in
            let now = ProcessStatistics.unixSeconds()
            return MicroDebugStatsResponse.with {
                $0.timestamp = now
                $0.started = started
                $0.uptime = now - min(started, now)
                $0.memory = ProcessStatistics.residentBytes()
                $0.threads = ProcessStatistics.threadCount()
            }
        }
        stats.isInternal = true
        self.add(stats)

        var log = Endpoint.serverStream(
            "Debug.Log", .eventLoop, MessageCoding<MicroDebugLogRequest>.protobuf,
            MessageCoding<MicroDebugRecord>.protobuf
        ) { request, records, context in
            let (known, later) = context.runtime.log.records(
                atMost: request.count > 0 ? Int(clamping: request.count) : nil, since: request.since,
                follow: request.stream)
            for record in known { try await records.write(record) }
            guard let later else { return }
            for await record in later { try await records.write(record) }
        }
        log.isInternal = true
        self.add(log)

        var trace = Endpoint.unary(
            "Debug.Trace", .eventLoop, MessageCoding<MicroDebugTraceRequest>.protobuf,
            MessageCoding<MicroDebugTraceResponse>.protobuf
        ) { request, context in context.runtime.spans.response(traceID: request.id) }
        trace.isInternal = true
        self.add(trace)
    }
}
