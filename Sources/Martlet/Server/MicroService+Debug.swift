// SPDX-License-Identifier: Apache-2.0

internal import MartletWireAPI
internal import SwiftProtobuf

extension MicroService {
    /// go-micro's `Debug` handler, which its tools call; it isn't registered.
    mutating func addDebugEndpoints() {
        let started = ProcessStatistics.unixSeconds()
        var health = Endpoint.unary(
            "Debug.Health", .eventLoop, MessageCoding<MicroDebugHealthRequest>.protobuf,
            MessageCoding<MicroDebugHealthResponse>.protobuf
        ) { _, _ in
            MicroDebugHealthResponse.with { $0.status = "ok" }
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
    }
}
