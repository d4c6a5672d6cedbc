// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import MartletGRPCWire
import MartletHTTP2Session
import NIOCore
import Synchronization

typealias WireInbound = RPCAsyncSequence<RPCRequestPart<[UInt8]>, any Error>
typealias WireOutbound = RPCWriter<RPCResponsePart<[UInt8]>>.Closable

/// What grpc-swift-2 gives a server transport to answer a call with.
///
/// `@concurrent`, for that is what its closures are: it was built without nonisolated(nonsending) by default.
typealias StreamHandler =
    @concurrent @Sendable (RPCStream<WireInbound, WireOutbound>, ServerContext) async -> Void

/// Runs calls of the wire as grpc-swift-2's server runs them.
struct CallHandler: Sendable {
    /// How this side of a connection is described.
    var localPeer: String
    var pool: HandlerPool
    var calls: OpenCalls?

    /// The route of one method.
    func route(
        _ descriptor: MethodDescriptor, _ handler: @escaping @Sendable () async throws -> StreamHandler
    ) -> GRPCRoute {
        // Without a type, as a method that nobody registered, it may be any of the four.
        let sendsMetadataAtOnce = descriptor.type?.isResponseStreaming ?? true
        return .uncancelledStream(pool: self.pool) { call, requests, replies in
            self.calls?.enter()
            defer { self.calls?.leave() }
            let handler = try await handler()
            let writer = ResponseWriter(call: call, messages: replies, sendsMetadataAtOnce: sendsMetadataAtOnce)
            let stream = RPCStream(
                descriptor: descriptor,
                inbound: WireInbound(
                    wrapping: RequestParts(metadata: Metadata(call.metadata), messages: requests)),
                outbound: WireOutbound(wrapping: writer))
            await withServerContextRPCCancellationHandle { cancellation in
                call.setCancellationHandler { cancellation.cancel() }
                await handler(stream, self.context(call, descriptor, cancellation))
                // Whoever still holds the handle is not told of a cancellation that was none.
                call.setCancellationHandler(nil)
            }
            let status = writer.status
            guard status.code != .ok || !status.message.isEmpty else {
                if !status.trailers.isEmpty { call.trailers = status.trailers }
                return
            }
            throw status
        }
    }

    private func context(
        _ call: ServerCall, _ descriptor: MethodDescriptor, _ cancellation: ServerContext.RPCCancellationHandle
    ) -> ServerContext {
        var context = ServerContext(
            descriptor: descriptor, remotePeer: call.peer.map { MartletGRPCAddress($0).peerDescription } ?? "unknown",
            localPeer: self.localPeer, cancellation: cancellation)
        let left = call.deadline.map { $0 - .now() }
        context.transportSpecific = MartletServerTransport.CallContext(
            authority: call.authority,
            deadline: left.map { .now.advanced(by: .nanoseconds($0.nanoseconds)) },
            peerCertificate: call.peerCertificate?.derBytes)
        return context
    }
}

/// Counts handlers that run, so that a server can wait for the last.
final class OpenCalls: Sendable {
    private struct State {
        var count = 0
        var waiters: [UnsafeContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func enter() {
        self.state.withLock { $0.count += 1 }
    }

    func leave() {
        let waiters = self.state.withLock { state -> [UnsafeContinuation<Void, Never>] in
            state.count -= 1
            guard state.count == 0 else { return [] }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns when no handler runs.
    func drained() async {
        await withUnsafeContinuation { continuation in
            let isDrained = self.state.withLock { state in
                if state.count > 0 { state.waiters.append(continuation) }
                return state.count == 0
            }
            if isDrained { continuation.resume() }
        }
    }
}
