// SPDX-License-Identifier: Apache-2.0

package import MartletGRPCWire
package import MartletHTTP2Session
package import NIOCore
internal import Synchronization

/// A node of this process, which calls of this process reach without a socket.
///
/// A running service enters itself; see ``LocalServices``. Interceptors, codecs, limits and the error mapping are the
/// same as on the wire: only framing and the kernel are left out.
package protocol LocalCallee: Sendable {
    /// Answers a call of one message each way.
    ///
    /// The task is cancelled when the caller gives up or its deadline passes.
    ///
    /// - Throws: ``GRPCStatus``, as it would go over the wire.
    func answer(_ request: LocalRequest) async throws -> WireReply
}

/// What a caller would have sent over the wire.
package struct LocalRequest: Sendable {
    package let path: String
    package let message: [UInt8]
    /// The headers, those of HTTP/2 left out.
    package let metadata: HeaderBlock
    package let contentSubtype: String
    package let deadline: NIODeadline?
}

/// The nodes that run in this process.
package enum LocalServices {
    private static let callees = Mutex<[NodeKey: any LocalCallee]>([:])
    /// Counts every change, so that callers needn't look again while nothing has changed.
    private static let generation = Atomic<UInt64>(1)

    private struct NodeKey: Hashable {
        var id: String
        var address: String

        init(_ node: NodeRecord) {
            self.id = node.id
            self.address = node.address
        }
    }

    /// A node that is ready to be called.
    package static func enter(_ node: NodeRecord, _ callee: any LocalCallee) {
        self.callees.withLock { $0[NodeKey(node)] = callee }
        self.generation.add(1, ordering: .releasing)
    }

    /// A node that is about to end; calls under way go on.
    package static func leave(_ node: NodeRecord) {
        _ = self.callees.withLock { $0.removeValue(forKey: NodeKey(node)) }
        self.generation.add(1, ordering: .releasing)
    }

    /// Whether one channel's node runs here, remembered until something changes.
    final class Lookup: Sendable {
        private let seen = Atomic<UInt64>(0)
        private let isHere = Atomic(false)

        /// The node, if it runs here. Costs two loads while it doesn't.
        func callee(of node: NodeRecord) -> (any LocalCallee)? {
            let generation = LocalServices.generation.load(ordering: .acquiring)
            if self.seen.load(ordering: .acquiring) == generation, !self.isHere.load(ordering: .relaxed) { return nil }
            let callee = LocalServices.callees.withLock { $0[NodeKey(node)] }
            self.isHere.store(callee != nil, ordering: .relaxed)
            self.seen.store(generation, ordering: .releasing)
            return callee
        }
    }
}

extension NodeChannel {
    /// Makes a unary call: inside the process if the node runs here, else over the wire.
    func unary(_ path: String, _ message: [UInt8], _ options: WireCallOptions) async throws -> WireReply {
        guard let callee = self.local.callee(of: self.node) else {
            return try await self.wire().unary(path, message, options: options)
        }
        let request = LocalRequest(
            path: path, message: message, metadata: options.metadata, contentSubtype: options.contentSubtype,
            deadline: options.deadline)
        return try await LocalExchange.run(callee, request)
    }
}

/// One call inside the process: as on the wire, whoever gives up gets its answer at once, whatever the handler does.
private final class LocalExchange: Sendable {
    private struct State {
        var waiter: CheckedContinuation<WireReply, any Error>?
        var result: Result<WireReply, any Error>?
    }

    private let state = Mutex(State())

    static func run(_ callee: any LocalCallee, _ request: LocalRequest) async throws -> WireReply {
        let exchange = LocalExchange()
        let handling = Task {
            do {
                exchange.finish(.success(try await callee.answer(request)))
            } catch {
                exchange.finish(.failure(GRPCStatus(describing: error)))
            }
        }
        let limit = request.deadline.map { deadline in
            Task {
                let rest = deadline - .now()
                if rest > .zero { try await Task.sleep(for: .nanoseconds(rest.nanoseconds)) }
                exchange.finish(.failure(GRPCStatus.deadlineExceeded))
                handling.cancel()
            }
        }
        defer { limit?.cancel() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { exchange.wait($0) }
        } onCancel: {
            exchange.finish(.failure(GRPCStatus.cancelled))
            handling.cancel()
        }
    }

    private func wait(_ waiter: CheckedContinuation<WireReply, any Error>) {
        let result = self.state.withLock { state in
            if state.result == nil { state.waiter = waiter }
            return state.result
        }
        if let result { waiter.resume(with: result) }
    }

    private func finish(_ result: Result<WireReply, any Error>) {
        let waiter = self.state.withLock { state -> CheckedContinuation<WireReply, any Error>? in
            guard state.result == nil else { return nil }
            state.result = result
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(with: result)
    }
}
