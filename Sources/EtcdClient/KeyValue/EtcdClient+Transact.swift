// SPDX-License-Identifier: Apache-2.0

package import MartletEtcdAPI

extension EtcdClient {
    /// Runs a transaction over keys and streams, which Martlet's servers have and etcd's have not.
    ///
    /// - Parameter isRepeatable: Whether it may be sent again when nobody knows whether it has taken effect.
    /// - Throws: ``EtcdError``, with ``EtcdError/Code/notSupported`` where a server knows nothing of streams.
    package func transact(
        _ request: Martlet_V1_TransactRequest, isRepeatable: Bool = false
    ) async throws -> Martlet_V1_TransactResponse {
        try await self.request("/martlet.v1.Store/Transact", request, isRepeatable ? .always : .ifNotExecuted)
    }
}
