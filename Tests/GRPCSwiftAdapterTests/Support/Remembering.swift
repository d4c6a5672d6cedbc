// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Synchronization

/// Keeps the cancellation handle of the first call that it sees.
final class Remembering: ServerInterceptor {
    static let shared = Remembering()

    let first = Mutex<ServerContext.RPCCancellationHandle?>(nil)
    let log = EventLog()

    func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>, context: ServerContext,
        next:
            @Sendable @concurrent (
                StreamingServerRequest<Input>, ServerContext
            ) async throws -> StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        let isFirst = self.first.withLock { first in
            defer { first = first ?? context.cancellation }
            return first == nil
        }
        if isFirst { self.log.note("kept") }
        return try await next(request, context)
    }
}
