// SPDX-License-Identifier: Apache-2.0

internal import SwiftProtobuf

extension EtcdClient {
    /// Sends a request to any server and reads its response.
    func request<Request: Message, Response: Message>(
        _ path: String, _ request: Request, _ repeatability: RequestRepeatability, timeout: Duration? = nil,
        needsLeader: Bool = true
    ) async throws -> Response {
        let policy = RequestPolicy(
            repeatability: repeatability, timeout: timeout ?? self.timeout, needsLeader: needsLeader)
        return try EtcdError.decoded(try await self.endpoints.unary(path, try request.serializedBytes(), policy))
    }

    /// Sends a request that is about the server which answers it.
    ///
    /// - Parameter endpoint: Which server; `nil` for the one in use.
    func request<Request: Message, Response: Message>(
        _ path: String, _ request: Request, _ repeatability: RequestRepeatability, on endpoint: String?,
        timeout: Duration? = nil
    ) async throws -> Response {
        let policy = RequestPolicy(
            repeatability: repeatability, timeout: timeout ?? self.timeout, endpoint: endpoint, needsLeader: false)
        return try EtcdError.decoded(try await self.endpoints.unary(path, try request.serializedBytes(), policy))
    }
}

extension EtcdError {
    /// Reads a message of the server.
    ///
    /// - Throws: ``Code/other`` when the bytes are no such message.
    static func decoded<Response: Message>(_ bytes: [UInt8]) throws(EtcdError) -> Response {
        do {
            return try Response(serializedBytes: bytes)
        } catch {
            throw EtcdError(.other, "malformed response: \(error)")
        }
    }
}
