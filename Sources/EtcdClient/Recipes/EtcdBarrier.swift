// SPDX-License-Identifier: Apache-2.0

/// A key that holds up whoever waits at it, for as long as it exists.
public struct EtcdBarrier: Sendable {
    let client: EtcdClient
    public let name: String

    /// Raises the barrier.
    ///
    /// - Parameter lease: A lease that the barrier lives by; without one it stands until it is released.
    /// - Returns: Whether this raised it; `false` if it stood already.
    @discardableResult
    public func hold(lease: EtcdLeaseID = .none) async throws -> Bool {
        try await self.client.transaction(
            when: [.isMissing(.key(self.name))], then: [.put(self.name, "", lease: lease)]
        ).succeeded
    }

    /// Takes the barrier away: all who wait go on.
    public func release() async throws { try await self.client.delete(.key(self.name)) }

    /// Waits while the barrier stands.
    public func wait() async throws {
        while true {
            let result = try await self.client.get(.key(self.name)) { $0.isCountOnly = true }
            guard result.count > 0 else { return }
            try await self.client.waitForDeletion(of: .key(self.name), from: result.nextRevision)
        }
    }
}

extension EtcdClient {
    /// A barrier, which is the key of that name.
    public func barrier(_ name: String) -> EtcdBarrier { EtcdBarrier(client: self, name: name) }
}
