// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import MartletGRPCWire

/// Makes unary calls with the bare wire client and prints their rate.
struct BenchCaller {
    var path: String
    var message: [UInt8]
    var concurrency: Int

    /// Makes `calls` calls over one connection, after a tenth as many to warm up; prints the rate and the processor
    /// time of each call in this process.
    func run(port: Int, calls: Int, logger: Logger) async throws {
        let client = try WireClient(.hostPort("127.0.0.1", port), logger: logger)
        let perTask = calls / self.concurrency
        try await self.makeCalls(client, perTask: max(100, perTask / 10))
        let start = ContinuousClock.now
        let startTime = Self.processorSeconds
        try await self.makeCalls(client, perTask: perTask)
        let elapsed = start.duration(to: .now) / .seconds(1)
        let made = Double(perTask * self.concurrency)
        let microseconds = (Self.processorSeconds - startTime) / made * 1e6
        print("calls/s \(Int(made / elapsed)) cpu-us/call \(microseconds)")
        await client.close()
    }

    private func makeCalls(_ client: WireClient, perTask: Int) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<self.concurrency {
                group.addTask {
                    var options = WireCallOptions()
                    for _ in 0..<perTask {
                        options.timeout = .seconds(10)
                        _ = try await client.unary(self.path, self.message, options: options)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// User and system time of all threads of this process.
    private static var processorSeconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
