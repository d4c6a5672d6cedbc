// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire
import NIOCore

/// Carries calls between a loop that serves connections and the loop of the member, both ways in batches.
///
///     connection ── message ──> toMember ──> service ── answer ──> toConnections ──> connection
///        (its own loop: TLS, HTTP/2)            (the member's loop)
///
/// A connection of the member's own loop needs none: its calls go straight to the services.
final class LoopBridge: Sendable {
    typealias UnaryHandler = @Sendable (any EtcdCall, [UInt8]) -> Void
    typealias StreamHandler = @Sendable (any EtcdCall) -> any ServerCallEvents

    /// What a call tells the member's loop.
    enum Arrival: Sendable {
        case unary(UnaryHandler, AwayCall, [UInt8])
        case stream(StreamHandler, AwayCall)
        case message(AwayCall, [UInt8])
        case end(AwayCall)
        /// So many bytes of what was sent in all are no longer the member's concern.
        case taken(AwayCall, Int)
        case closed(AwayCall)
    }

    /// What a service tells a call.
    enum Departure: Sendable {
        case respond(AwayCall, [UInt8])
        case send(AwayCall, [UInt8], reports: Bool)
        case sendBatch(AwayCall, MessageBatch, reports: Bool)
        case begin(AwayCall, byteCount: Int)
        case part(AwayCall, [UInt8], reports: Bool)
        case finish(AwayCall, GRPCStatus)
    }

    let connectionLoop: any EventLoop
    private let toMember: LoopMail<Arrival>
    private let toConnections: LoopMail<Departure>

    init(connectionLoop: any EventLoop, memberLoop: any EventLoop) {
        self.connectionLoop = connectionLoop
        toMember = LoopMail(from: connectionLoop, to: memberLoop) { batch in
            for arrival in batch { Self.deliver(arrival) }
        }
        toConnections = LoopMail(from: memberLoop, to: connectionLoop) { batch in
            for departure in batch { Self.deliver(departure) }
        }
    }

    // MARK: On the loop of the connections

    func call(_ handler: @escaping UnaryHandler, _ call: ServerCall, _ message: [UInt8]) {
        guard !toMember.isBehind else { return refuse(call) }
        toMember.send(.unary(handler, AwayCall(call, bridge: self), message))
    }

    func stream(_ handler: @escaping StreamHandler, _ call: ServerCall) -> any ServerCallEvents {
        let away = AwayCall(call, bridge: self)
        if toMember.isBehind { refuse(call) } else { toMember.send(.stream(handler, away)) }
        return AwayEvents(call: away, bridge: self)
    }

    fileprivate func receive(_ message: [UInt8], for away: AwayCall) {
        guard !toMember.isBehind else { return refuse(away.call) }
        toMember.send(.message(away, message))
    }

    func send(_ arrival: Arrival) {
        toMember.send(arrival)
    }

    private func refuse(_ call: ServerCall) {
        call.finish(EtcdError.tooManyRequests.status)
    }

    private static func deliver(_ departure: Departure) {
        switch departure {
        case .respond(let away, let message): away.call.respond(message)
        case .send(let away, let message, let reports): away.hand(message.count, reports) { $0.send(message) }
        case .sendBatch(let away, let batch, let reports): away.hand(batch.byteCount, reports) { $0.send(batch) }
        case .begin(let away, let byteCount): away.begin(byteCount: byteCount)
        case .part(let away, let part, let reports): away.hand(part.count, reports) { $0.sendPart(part) }
        case .finish(let away, let status): away.call.finish(status)
        }
    }

    // MARK: On the member's loop

    func send(_ departure: Departure) {
        toConnections.send(departure)
    }

    private static func deliver(_ arrival: Arrival) {
        switch arrival {
        case .unary(let handler, let away, let message): handler(away, message)
        case .stream(let handler, let away): away.open(handler)
        case .message(let away, let message): away.received(message)
        case .end(let away): away.receivedEnd()
        case .taken(let away, let byteCount): away.taken(byteCount)
        case .closed(let away): away.closed()
        }
    }
}

/// What happens on a stream, told to the member's loop. Confined to the connection's loop.
final class AwayEvents: ServerCallEvents {
    private let call: AwayCall
    private let bridge: LoopBridge

    init(call: AwayCall, bridge: LoopBridge) {
        self.call = call
        self.bridge = bridge
    }

    func received(_ message: [UInt8]) { bridge.receive(message, for: call) }
    func receivedEnd() { bridge.send(.end(call)) }
    func becameWritable() { call.report() }
    func closed() { bridge.send(.closed(call)) }
}
