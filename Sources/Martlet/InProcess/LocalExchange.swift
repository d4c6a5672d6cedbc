// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire
package import MartletHTTP2Session
package import NIOCore
internal import Synchronization

/// What a caller would have sent over the wire.
package struct LocalRequest: Sendable {
    package var path: String
    package var message: [UInt8]
    /// The headers, those of HTTP/2 and gRPC left out.
    package var metadata: HeaderBlock
    package var contentSubtype: String
    package var deadline: NIODeadline?

    package init(
        path: String, message: [UInt8], metadata: HeaderBlock, contentSubtype: String, deadline: NIODeadline?
    ) {
        self.path = path
        self.message = message
        self.metadata = metadata
        self.contentSubtype = contentSubtype
        self.deadline = deadline
    }
}

/// One call inside the process, between its caller and the task that answers it.
final class LocalExchange: Sendable {
    private struct State {
        var waiter: CheckedContinuation<WireReply, any Error>?
        var result: Result<WireReply, any Error>?
        var handling: Task<Void, Never>?
    }

    private let state = Mutex(State())

    /// Has the service answer, and waits for that as long as the caller wants to.
    func run(_ service: LocalService, _ request: LocalRequest) async throws -> WireReply {
        if let deadline = request.deadline, deadline <= .now() { throw GRPCStatus.deadlineExceeded }
        // Detached: as over the wire, the handler inherits nothing from the caller's task.
        let handling = Task.detached {
            do {
                self.finish(.success(try await service.answer(request)))
            } catch {
                self.finish(.failure(GRPCStatus(describing: error)))
            }
        }
        self.began(handling)
        let limit = request.deadline.map { deadline in
            Task {
                let rest = deadline - .now()
                if rest > .zero { try await Task.sleep(for: .nanoseconds(rest.nanoseconds)) }
                self.giveUp(.deadlineExceeded)
            }
        }
        defer { limit?.cancel() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { self.wait($0) }
        } onCancel: {
            self.giveUp(.cancelled)
        }
    }

    /// Answers the caller in the handler's place, and cancels the handler's task.
    func giveUp(_ status: GRPCStatus) {
        self.finish(.failure(status))
        self.state.withLock { $0.handling }?.cancel()
    }

    private func began(_ handling: Task<Void, Never>) {
        let isOver = self.state.withLock { state in
            guard state.result == nil else { return true }
            state.handling = handling
            return false
        }
        // Somebody gave up before there was a task to cancel; one that is done doesn't mind.
        if isOver { handling.cancel() }
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
