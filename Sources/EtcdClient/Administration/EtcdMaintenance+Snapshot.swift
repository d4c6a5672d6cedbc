// SPDX-License-Identifier: Apache-2.0

internal import MartletEtcdAPI

/// What a snapshot came to.
public struct EtcdSnapshot: Hashable, Sendable {
    /// Its size, the checksum behind it included.
    public let bytes: Int
    /// The version of the server's data layout; empty where the server doesn't tell, before 3.6.
    public let version: String
}

extension EtcdMaintenance {
    /// The checksum that ends a snapshot, a SHA-256 of all before it.
    private static let checksumBytes = 32

    /// Copies a server's whole data: what `etcdctl snapshot save` writes, and `etcdctl snapshot restore` reads.
    ///
    /// Parts come in order, and the next one isn't asked for before `body` has returned. All of them together are the
    /// file; it is whole only when this returns.
    ///
    /// - Parameters:
    ///   - endpoint: The server; without one it is the one in use.
    ///   - body: Writes a part behind the one before.
    /// - Throws: ``EtcdError`` when the copy is not complete; what `body` throws.
    public func snapshot(
        of endpoint: String? = nil, _ body: ([UInt8]) async throws -> Void
    ) async throws -> EtcdSnapshot {
        let parts = try await PartStream(
            "/etcdserverpb.Maintenance/Snapshot", Etcdserverpb_SnapshotRequest(), on: endpoint, needsLeader: false,
            client: self.client)
        defer { parts.cancel() }
        var bytes = 0
        var last = Etcdserverpb_SnapshotResponse()
        while let part: Etcdserverpb_SnapshotResponse = try await parts.next() {
            bytes += part.blob.count
            try await body([UInt8](part.blob))
            last = part
        }
        guard last.remainingBytes == 0, last.blob.count == Self.checksumBytes, bytes > Self.checksumBytes else {
            throw EtcdError(.unavailable, "the snapshot ended before it was complete")
        }
        return EtcdSnapshot(bytes: bytes, version: last.version)
    }
}
