// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire
internal import SwiftProtobuf

/// One request that is answered by parts, each of which must come in time.
struct PartStream: Sendable {
    private let client: EtcdClient
    private let stream: EndpointStream

    /// - Parameters:
    ///   - endpoint: The server; without one it is the one in use.
    ///   - needsLeader: Whether a member that knows no leader is to refuse.
    init(
        _ path: String, _ request: some Message, on endpoint: String? = nil, needsLeader: Bool, client: EtcdClient
    ) async throws {
        self.client = client
        self.stream = try await client.endpoints.openStream(
            path, on: endpoint, needsLeader: needsLeader, until: .now + client.timeout)
        do {
            try await self.stream.wire.write(try request.serializedBytes())
            self.stream.wire.finishWriting()
        } catch {
            self.stream.wire.cancel()
            throw try client.endpoints.error(for: error)
        }
    }

    /// The next part; `nil` behind the last. One that doesn't come within `maintenanceTimeout` ends the stream.
    func next<Part: Message>() async throws -> Part? {
        let limit = Task { [client, stream] in
            try await Task.sleep(for: client.maintenanceTimeout)
            stream.wire.cancel()
        }
        defer { limit.cancel() }
        do {
            guard let bytes = try await self.stream.wire.next() else { return nil }
            return try EtcdError.decoded(bytes)
        } catch {
            let error = try self.client.endpoints.error(for: error)
            if error.concernsToken { self.client.endpoints.tokens?.invalidate(self.stream.token) }
            throw error
        }
    }

    func cancel() { self.stream.wire.cancel() }
}
