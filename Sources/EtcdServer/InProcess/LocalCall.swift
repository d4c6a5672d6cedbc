// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire
import MartletHTTP2Session
import NIOCore

/// A unary call of a task in the same process.
///
/// `@unchecked Sendable`: what is under "Confined to the loop" is touched only there; the rest never changes.
final class LocalCall: EtcdCall, @unchecked Sendable {
    /// Unchecked, and resumed exactly once: by `start` where the call is over already, else by `end`, which takes it
    /// out and of which nothing runs a second time. It is never forgotten: the table of calls holds each call until
    /// `end`, a service that goes away without a word finishes its calls, and the loop outlives them all.
    typealias Continuation = UnsafeContinuation<Result<[UInt8], GRPCStatus>, Never>
    typealias Handler = @Sendable (any EtcdCall, [UInt8]) -> Void

    let metadata: HeaderBlock
    let deadline: NIODeadline?
    private let handler: Handler

    // MARK: Confined to the loop

    private var message: [UInt8]
    private var continuation: Continuation?
    private var calls: LocalCalls?
    private var slot = 0
    /// Told when the call ends before its answer is whole.
    private var events: (any ServerCallEvents)?
    /// What was sent before the call is finished.
    private var answer: [UInt8]?
    private var isOver = false

    init(_ handler: @escaping Handler, _ message: [UInt8], metadata: HeaderBlock, deadline: NIODeadline?) {
        self.handler = handler
        self.message = message
        self.metadata = metadata
        self.deadline = deadline
    }

    func start(_ continuation: Continuation, in calls: LocalCalls) {
        // Cancelled before it began.
        if isOver { return continuation.resume(returning: .failure(.cancelled)) }
        self.continuation = continuation
        self.calls = calls
        slot = calls.insert(self)
        var request: [UInt8] = []
        swap(&request, &message)
        handler(self, request)
    }

    /// Nobody waits for the answer any more.
    func cancel() { end(.failure(.cancelled)) }

    private func end(_ result: Result<[UInt8], GRPCStatus>) {
        if isOver { return }
        isOver = true
        calls?.remove(slot)
        calls = nil
        continuation?.resume(returning: result)
        continuation = nil
        answer = nil
        let events = events
        self.events = nil
        events?.closed()
    }

    // MARK: What services do

    func respond(_ message: [UInt8]) { end(.success(message)) }

    func beginResponse(byteCount: Int, events: any ServerCallEvents) {
        guard !isOver else { return events.closed() }
        self.events = events
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount)
        answer = bytes
    }

    func sendPart(_ part: [UInt8]) { answer?.append(contentsOf: part) }

    func send(_ message: [UInt8]) {
        if !isOver { answer = message }
    }

    func finish(_ status: GRPCStatus) {
        guard status.code == .ok else {
            var status = status
            // As over the wire: what a server says is told from what becomes of calls without an answer.
            status.trailers.append("grpc-status", "\(status.code.rawValue)")
            return end(.failure(status))
        }
        guard let answer else { return end(.failure(GRPCStatus(.internalError, "the service answered nothing"))) }
        end(.success(answer))
    }

    /// The answer is its caller's as soon as it is made: nothing waits for room.
    var queuedBytes: Int { 0 }
}
