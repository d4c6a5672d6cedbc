// SPDX-License-Identifier: Apache-2.0

package import MartletGRPCWire
package import MartletHTTP2Session
package import NIOCore
import Synchronization

/// Takes unary calls of clients in the same process to the services: without frames, and however many tasks call, the
/// member's loop is woken once.
///
/// `@unchecked Sendable`: what is under "Confined to the loop" is touched only there; the rest is behind a lock or
/// never changes.
package final class LocalCalls: InProcessCalls, @unchecked Sendable {
    private struct Waiting {
        var calls: [(call: LocalCall, continuation: LocalCall.Continuation)] = []
        var isScheduled = false
        var isClosed = false
    }

    private enum Admission { case scheduled, taken, full, closed }

    /// Calls that the loop hasn't looked at yet: what it answers in about a tenth of a second.
    private static let maximumWaiting = 1 << 14
    /// Deadlines are not kept finer than this, so that many that are near cost few looks.
    private static let resolution = TimeAmount.milliseconds(1)

    private let methods: EtcdMethods
    private let maximumMessageBytes: Int
    private let eventLoop: any EventLoop
    private let waiting = Mutex(Waiting())

    // MARK: Confined to the loop

    private var open: [LocalCall?] = []
    private var free: [Int] = []
    /// Not behind any open call's deadline.
    private var earliest = NIODeadline.distantFuture
    private var timer: Scheduled<Void>?

    init(_ methods: EtcdMethods, maximumMessageBytes: Int, on eventLoop: any EventLoop) {
        self.methods = methods
        self.maximumMessageBytes = maximumMessageBytes
        self.eventLoop = eventLoop
    }

    package func unary(
        _ path: String, _ message: [UInt8], metadata: HeaderBlock, deadline: NIODeadline?
    ) async throws(GRPCStatus) -> [UInt8]? {
        guard case .unary(let handler) = methods[path] else { return nil }
        guard message.count <= maximumMessageBytes else {
            throw GRPCStatus(
                .resourceExhausted,
                "grpc: received message larger than max (\(message.count) vs. \(maximumMessageBytes))")
        }
        let call = LocalCall(handler, message, metadata: metadata, deadline: deadline)
        let result = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in submit(call, continuation) }
        } onCancel: {
            // Where the loop has ended, so has the call.
            eventLoop.execute { call.cancel() }
        }
        return try result.get()
    }

    private func submit(_ call: LocalCall, _ continuation: LocalCall.Continuation) {
        let admission = waiting.withLock { waiting -> Admission in
            if waiting.isClosed { return .closed }
            guard waiting.calls.count < Self.maximumWaiting else { return .full }
            waiting.calls.append((call, continuation))
            defer { waiting.isScheduled = true }
            return waiting.isScheduled ? .taken : .scheduled
        }
        switch admission {
        case .taken: return
        case .scheduled: eventLoop.execute { self.receive() }
        case .full: continuation.resume(returning: .failure(EtcdError.tooManyRequests.status))
        case .closed: continuation.resume(returning: .failure(Self.stopped))
        }
    }

    /// Whoever calls a server that has ended did nothing.
    private static var stopped: GRPCStatus {
        var status = EtcdError.stopped.status
        status.wasNotProcessed = true
        return status
    }

    /// Takes no more calls; those under way go on. From any thread.
    func refuse() {
        waiting.withLock { $0.isClosed = true }
    }

    // MARK: On the loop

    private func takeWaiting() -> [(call: LocalCall, continuation: LocalCall.Continuation)] {
        waiting.withLock { waiting in
            defer {
                waiting.calls = []
                waiting.isScheduled = false
            }
            return waiting.calls
        }
    }

    private func receive() {
        let now = NIODeadline.now()
        for (call, continuation) in takeWaiting() {
            if let deadline = call.deadline, deadline <= now {
                continuation.resume(returning: .failure(.deadlineExceeded))
            } else {
                call.start(continuation, in: self)
            }
        }
    }

    /// The number of a call that begins.
    func insert(_ call: LocalCall) -> Int {
        if let deadline = call.deadline { watch(deadline) }
        if let slot = free.popLast() {
            open[slot] = call
            return slot
        }
        open.append(call)
        return open.count - 1
    }

    /// A call has ended.
    func remove(_ slot: Int) {
        open[slot] = nil
        free.append(slot)
    }

    /// Ends what is still open, and the clock.
    func end() {
        refuse()
        for (_, continuation) in takeWaiting() { continuation.resume(returning: .failure(Self.stopped)) }
        timer?.cancel()
        for call in open { call?.finish(EtcdError.stopped.status) }
    }

    private func watch(_ deadline: NIODeadline) {
        guard deadline < earliest else { return }
        earliest = deadline
        timer?.cancel()
        timer = eventLoop.assumeIsolated().scheduleTask(deadline: max(deadline, .now() + Self.resolution)) {
            self.expire()
        }
    }

    /// Ends the calls whose time is over. Most calls end long before, so this is rare.
    private func expire() {
        earliest = .distantFuture
        let now = NIODeadline.now()
        var next = NIODeadline.distantFuture
        for call in open {
            guard let call, let deadline = call.deadline else { continue }
            if deadline <= now { call.finish(.deadlineExceeded) } else { next = min(next, deadline) }
        }
        if next < .distantFuture { watch(next) }
    }
}
