// SPDX-License-Identifier: Apache-2.0

internal import MartletEtcdAPI
internal import MartletGRPCWire
internal import SwiftProtobuf

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
        let endpoints = self.client.endpoints
        let opened = ContinuousClock.now
        let stream = try await endpoints.openStream(
            "/etcdserverpb.Maintenance/Snapshot", on: endpoint, needsLeader: false,
            until: opened + self.client.timeout)
        defer { stream.wire.cancel() }
        do {
            try await stream.wire.write(try Etcdserverpb_SnapshotRequest().serializedBytes())
            stream.wire.finishWriting()
        } catch {
            throw try endpoints.error(for: error)
        }
        var bytes = 0
        var last = Etcdserverpb_SnapshotResponse()
        while let part = try await self.part(of: stream) {
            bytes += part.blob.count
            try await body([UInt8](part.blob))
            last = part
        }
        guard last.remainingBytes == 0, last.blob.count == Self.checksumBytes, bytes > Self.checksumBytes else {
            throw EtcdError(.unavailable, "the snapshot ended before it was complete")
        }
        return EtcdSnapshot(bytes: bytes, version: last.version)
    }

    /// The next part; `nil` behind the last. One that doesn't come in time ends the snapshot.
    private func part(of stream: EndpointStream) async throws -> Etcdserverpb_SnapshotResponse? {
        let limit = Task { [client] in
            try await Task.sleep(for: client.maintenanceTimeout)
            stream.wire.cancel()
        }
        defer { limit.cancel() }
        do {
            guard let bytes = try await stream.wire.next() else { return nil }
            return try EtcdError.decoded(bytes)
        } catch {
            let error = try self.client.endpoints.error(for: error)
            if error.concernsToken { self.client.endpoints.tokens?.invalidate(stream.token) }
            throw error
        }
    }
}
