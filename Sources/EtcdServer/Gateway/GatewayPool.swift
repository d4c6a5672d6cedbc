// SPDX-License-Identifier: Apache-2.0

/// Where JSON is read and written: small texts where the connection is, large ones elsewhere, so that they don't hold
/// the loop that others wait for.
enum GatewayPool {
    /// Some hundred microseconds of work.
    static let smallBytes = 32 << 10

    static func run<Result: Sendable>(byteCount: Int, _ work: @escaping @Sendable () -> Result) async -> Result {
        guard byteCount > smallBytes else { return work() }
        return await Task(executorPreference: globalConcurrentExecutor) { work() }.value
    }
}
