// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire

/// Where the handler of an endpoint runs.
public struct HandlerExecutor: Sendable {
    let pool: HandlerPool
    /// Whether any thread would do as well.
    var isEventLoop = false

    /// On the event loop of the call's connection: the fastest, for handlers that never block or compute for long.
    ///
    /// Calls from the same process have no connection: they are answered on Swift's global pool.
    public static var eventLoop: HandlerExecutor { HandlerExecutor(pool: .loop, isEventLoop: true) }

    /// On Swift's global pool, which has a thread a core: for handlers that compute.
    public static var concurrentPool: HandlerExecutor { HandlerExecutor(pool: .concurrentPool) }

    /// On a pool of threads that may sleep: for handlers that call blocking code.
    public static var blockingPool: HandlerExecutor { HandlerExecutor(pool: .blockingPool) }

    /// On an executor of your own.
    public static func custom(_ executor: any TaskExecutor) -> HandlerExecutor {
        HandlerExecutor(pool: .custom(executor))
    }
}
