// SPDX-License-Identifier: Apache-2.0

extension EtcdClient {
    /// Runs a transaction over keys and streams, which Martlet's servers have and etcd's have not.
    ///
    /// - Parameters:
    ///   - request: A `martlet.v1.TransactRequest`.
    ///   - isRepeatable: Whether it may be sent again when nobody knows whether it has taken effect.
    /// - Returns: A `martlet.v1.TransactResponse`.
    /// - Throws: ``EtcdError``, with ``EtcdError/Code/notSupported`` where a server knows nothing of streams.
    package func transact(_ request: [UInt8], isRepeatable: Bool = false) async throws -> [UInt8] {
        let policy = RequestPolicy(
            repeatability: isRepeatable ? .always : .ifNotExecuted, timeout: self.timeout, needsLeader: true)
        return try await self.endpoints.unary("/martlet.v1.Store/Transact", request, policy)
    }
}
