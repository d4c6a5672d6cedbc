// SPDX-License-Identifier: Apache-2.0

package import MartletGRPCWire

extension MicroClient {
    /// Opens a stream of messages that are encoded already, runs `body` with it and ends it.
    ///
    /// - Throws: what `body` throws; the errors of the stream itself are a wire's, see ``CallFailure``.
    package func withEncodedStream<Result>(
        _ service: String, _ endpoint: String, codec: MessageCodec,
        configure: (inout RequestOptions) -> Void = { _ in },
        _ body: (ClientStream) async throws -> Result
    ) async throws -> Result {
        var options = RequestOptions()
        configure(&options)
        return try await self.core.stream(
            service, endpoint, codec: codec, options: options, inherited: self.inherited, outcome: nil
        ) { try await body($0.stream) }
    }
}
