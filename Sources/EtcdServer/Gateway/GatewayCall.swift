// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire
import MartletHTTP2Session
import NIOCore

/// A call that came as JSON. Services answer it as they answer those of gRPC; what they send waits in a queue, which
/// bounds itself: services hold back when ``queuedBytes`` are many, and go on when they are told.
///
/// `@unchecked Sendable`: what is under "Confined to the loop" is touched only there; the rest never changes.
final class GatewayCall: EtcdCall, @unchecked Sendable {
    let metadata: HeaderBlock
    let peerText: String
    /// What the service sends, and then how the call ended.
    let messages = InboundMessages()
    let eventLoop: any EventLoop

    // MARK: Confined to the loop

    private var events: (any ServerCallEvents)?
    /// A handler that takes long, what it reads, and what it waits for when there is no room.
    private var task: Task<Void, Never>?
    private var requests: InboundMessages?
    private var waiting: [EventLoopPromise<Void>] = []
    private var deadline: Scheduled<Void>?
    /// A message that comes in parts. JSON is made of the whole.
    private var partial: [UInt8]?
    private var isFinished = false
    private var isAboveHighWater = false
    private let memory: GatewayMemory
    /// The room that a long answer has. It goes with the call, which lives until its client has the answer.
    private var hold: GatewayMemory.Hold?
    private let meter: CallMeter?
    private let path: String
    private var methodMeter: MethodMeter?
    private var startTime: NIODeadline?

    init(
        metadata: HeaderBlock, peer: SocketAddress?, path: String, memory: GatewayMemory, meter: CallMeter?,
        eventLoop: any EventLoop
    ) {
        self.metadata = metadata
        peerText = peer?.auditText ?? ""
        self.path = path
        self.memory = memory
        self.meter = meter
        self.eventLoop = eventLoop
    }

    /// Calls `method`, which may take until `limit`.
    func start(_ method: EtcdMethods.Method, until limit: NIODeadline?, _ feed: GatewayFeed) {
        messages.setOnTake { [weak self] _ in
            guard let self else { return }
            if eventLoop.inEventLoop { took() } else { eventLoop.execute { self.took() } }
        }
        if let limit {
            deadline = eventLoop.scheduleTask(deadline: limit) { self.finish(.deadlineExceeded) }
        }
        if let meter {
            let methodMeter = meter.method(path)
            self.methodMeter = methodMeter
            startTime = methodMeter.start()
            meter.client(CallMeter.unknownClient).count(isUnary: !methodMeter.isStream)
        }
        switch method {
        case .unary(let handler):
            guard let message = feed.messages.first else { return }
            methodMeter?.received(message.count)
            handler(self, message)
        case .stream(let make):
            let events = make(self)
            guard !isFinished else { return events.closed() }
            self.events = events
            receive(feed)
        case .task(let handler):
            let requests = InboundMessages()
            self.requests = requests
            receive(feed)
            task = Task { [credentials] in
                let status: GRPCStatus
                do {
                    try await handler(credentials, MessageReader(messages: requests)) { message in
                        try await self.eventLoop.flatSubmit { self.write(message) }.get()
                    }
                    status = .ok
                } catch {
                    status = GRPCStatus(describing: error)
                }
                self.eventLoop.execute { self.finish(status) }
            }
        }
    }

    /// Sends a message of a handler that waits for room.
    private func write(_ message: [UInt8]) -> EventLoopFuture<Void> {
        guard !isFinished else { return eventLoop.makeFailedFuture(GRPCStatus.cancelled) }
        send(message)
        guard isAboveHighWater else { return eventLoop.makeSucceededVoidFuture() }
        let promise = eventLoop.makePromise(of: Void.self)
        waiting.append(promise)
        return promise.futureResult
    }

    private func wake(_ result: Result<Void, any Error>) {
        let waiting = waiting
        self.waiting = []
        for promise in waiting { promise.completeWith(result) }
    }

    /// What the client has sent.
    func receive(_ feed: GatewayFeed) {
        for message in feed.messages {
            methodMeter?.received(message.count)
            events?.received(message)
            _ = requests?.push(message)
        }
        guard feed.isLast else { return }
        events?.receivedEnd()
        requests?.end(.success(()))
    }

    /// The client has gone.
    func cancel() {
        end(.failure(.cancelled))
        messages.finish(.failure(.cancelled))
    }

    private func took() {
        guard isAboveHighWater, queuedBytes <= ServerCall.outboundLowWater else { return }
        isAboveHighWater = false
        events?.becameWritable()
        wake(.success(()))
    }

    private func end(_ result: Result<Void, GRPCStatus>) {
        guard !isFinished else { return }
        isFinished = true
        methodMeter?.end(result.code, since: startTime)
        deadline?.cancel()
        messages.end(result)
        task?.cancel()
        task = nil
        requests?.finish(.failure(.cancelled))
        wake(.failure(GRPCStatus.cancelled))
        let events = events
        self.events = nil
        events?.closed()
    }

    // MARK: What services do

    func respond(_ message: [UInt8]) {
        send(message)
        finish(.ok)
    }

    func send(_ message: [UInt8]) {
        guard !isFinished else { return }
        methodMeter?.sent(message.count)
        _ = messages.push(message)
        if queuedBytes > ServerCall.outboundHighWater { isAboveHighWater = true }
    }

    func beginResponse(byteCount: Int, events: any ServerCallEvents) {
        guard !isFinished else { return events.closed() }
        self.events = events
        if byteCount > GatewayMemory.countedBytes {
            hold = memory.hold(messageBytes: byteCount)
            guard hold != nil else { return finish(EtcdError.tooManyRequests.status) }
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount)
        partial = bytes
    }

    func sendPart(_ part: [UInt8]) {
        partial?.append(contentsOf: part)
    }

    func finish(_ status: GRPCStatus) {
        if let whole = partial.take(), status.code == .ok { send(whole) }
        end(status.code == .ok ? .success(()) : .failure(status))
    }

    var queuedBytes: Int { messages.byteCount }
}

extension Result where Failure == GRPCStatus {
    fileprivate var code: GRPCStatusCode {
        switch self {
        case .success: .ok
        case .failure(let status): status.code
        }
    }
}

/// Some messages of a client, on their way to a call.
struct GatewayFeed: Sendable {
    var messages: [[UInt8]]
    /// None follows.
    var isLast: Bool
}
