// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// How async handlers run.
///
/// A handler's task is unstructured by design: its connection owns it, counts it, and cancels it when the call ends.
extension ServerCall {
    func startUnary(_ handler: @escaping GRPCRoute.UnaryHandler, pool: HandlerPool, message: [UInt8]) {
        self.start(pool) { [self] in
            do {
                let reply = try await handler(self, message)
                if self.loop.isOnLoop {
                    self.connection.respond(self, reply)
                } else {
                    self.loop.perform { self.connection.respond(self, reply) }
                }
            } catch {
                self.finishAnywhere(GRPCStatus(describing: error))
            }
        }
    }

    func startStream(_ handler: @escaping GRPCRoute.StreamHandler, pool: HandlerPool, messages: InboundMessages) {
        self.start(pool) { [self] in
            do {
                try await handler(self, MessageReader(messages: messages), MessageWriter(call: self))
                self.finishAnywhere(.ok)
            } catch {
                self.finishAnywhere(GRPCStatus(describing: error))
            }
        }
    }

    @inline(__always)
    private func start(
        _ pool: HandlerPool, _ operation: sending @escaping @isolated(any) () async -> Void
    ) {
        let task: Task<Void, Never>
        switch pool.kind {
        case .loop:
            let executor = self.endpoint.executor
            #if canImport(Darwin)
            task = Task(executorPreference: executor, operation: operation)
            #else
            // Runs here until it first waits: a handler that never does costs no enqueue.
            let before = CoarseClock.now()
            task = Task.immediate(executorPreference: executor, operation: operation)
            self.loop.holdWatch.check(executor, held: CoarseClock.now() - before)
            #endif
        case .executor(let executor):
            task = Task(executorPreference: executor, operation: operation)
        }
        if !self.isFinished { self.task = task }
    }

    private func finishAnywhere(_ status: GRPCStatus) {
        self.onLoop { $0.connection.finish($0, status) }
    }

    /// Does `work` on the call's loop: at once when this is it.
    fileprivate func onLoop(_ work: @escaping @Sendable (ServerCall) -> Void) {
        if self.loop.isOnLoop {
            work(self)
        } else {
            self.loop.perform { work(self) }
        }
    }
}

/// Sends the messages of one call, in order.
package struct MessageWriter: Sendable {
    let call: ServerCall

    /// Sends the initial metadata now, for clients that wait for it before they send; else the first message takes it
    /// along. Ignored once it has gone.
    package func sendMetadata() {
        self.call.onLoop { $0.connection.sendHead($0) }
    }

    /// Sends `message`; waits while ``ServerCall/outboundHighWater`` bytes of this call are still to be sent.
    ///
    /// - Throws: ``GRPCStatus`` when the call is over, `CancellationError` when the task was cancelled while it waited;
    ///   the message is on its way then.
    package func write(_ message: [UInt8]) async throws {
        if self.call.loop.isOnLoop, try self.call.connection.write(self.call, message) { return }
        try await self.call.writeOrWait(self.call.loop.isOnLoop ? nil : message)
    }
}

extension ServerCall {
    /// Sends `message`, if there is one, on the loop, and returns when there is room for another.
    fileprivate func writeOrWait(_ message: [UInt8]?) async throws {
        let writer = Awaited<Void>()
        self.loop.perform {
            do {
                let hasRoom =
                    if let message { try self.connection.write(self, message) } else { self.hasRoom }
                if hasRoom {
                    writer.finish(.success(()))
                } else {
                    self.writers.append(writer)
                }
            } catch {
                writer.finish(.failure(error))
            }
        }
        try await writer.value()
    }

    /// Whether a writer may go on. A finished call has room: its next write throws.
    var hasRoom: Bool {
        self.isFinished || self.queuedBytes <= Self.outboundHighWater
    }
}
