// SPDX-License-Identifier: Apache-2.0

public import ServiceLifecycle

extension MartletStore: Service {
    /// Keeps the store open until the task is cancelled or a graceful shutdown begins, and closes it then.
    ///
    /// The store serves from ``open(_:configure:)`` on, whether this runs or not. In a `ServiceGroup` it comes first:
    /// groups end their services in reverse, and the others need it until their end.
    ///
    /// - Throws: ``MartletStoreError/Code/failed`` when an embedded store can't go on.
    public func run() async throws {
        let failure = await cancelWhenGracefulShutdown { await self.end.wait() }
        await close()
        if let failure { throw failure }
    }
}
