// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletGRPCWire
import MartletHTTP2Session

/// A call whose connection belongs to another loop than the member.
///
/// Services hold back by ``queuedBytes``: what is on its way to the connection's loop, and all that waits there once it
/// is more than ``ServerCall/outboundHighWater``.
///
/// `@unchecked Sendable`: what changes is touched on one loop only, and stands under that loop's name.
final class AwayCall: EtcdCall, @unchecked Sendable {
    let call: ServerCall
    private let bridge: LoopBridge

    init(_ call: ServerCall, bridge: LoopBridge) {
        self.call = call
        self.bridge = bridge
    }

    var metadata: HeaderBlock { call.metadata }
    var certificateName: AuthName? { call.certificateName }
    var peerText: String { call.peerText }

    // MARK: Confined to the member's loop

    private var events: (any ServerCallEvents)?
    private var isFinished = false
    private var isAboveHighWater = false
    private var sentBytes = 0
    private var takenBytes = 0

    var queuedBytes: Int { sentBytes - takenBytes }

    func respond(_ message: [UInt8]) {
        guard !isFinished else { return }
        isFinished = true
        bridge.send(.respond(self, message))
    }

    func send(_ message: [UInt8]) {
        guard !isFinished else { return }
        bridge.send(.send(self, message, reports: counts(message.count)))
    }

    func send(_ batch: MessageBatch) {
        guard !isFinished else { return }
        bridge.send(.sendBatch(self, batch, reports: counts(batch.byteCount)))
    }

    func beginResponse(byteCount: Int, events: any ServerCallEvents) {
        guard !isFinished else { return events.closed() }
        self.events = events
        bridge.send(.begin(self, byteCount: byteCount))
    }

    func sendPart(_ part: [UInt8]) {
        guard !isFinished else { return }
        bridge.send(.part(self, part, reports: counts(part.count)))
    }

    func finish(_ status: GRPCStatus) {
        guard !isFinished else { return }
        bridge.send(.finish(self, status))
        closed()
    }

    /// - Returns: whether the other loop shall say how it fares: most streams have little on its way, and need no word.
    private func counts(_ byteCount: Int) -> Bool {
        sentBytes += byteCount
        if queuedBytes > ServerCall.outboundHighWater { isAboveHighWater = true }
        return queuedBytes > ServerCall.outboundLowWater
    }

    func open(_ handler: LoopBridge.StreamHandler) {
        guard !isFinished else { return }
        let events = handler(self)
        guard !isFinished else { return events.closed() }
        self.events = events
    }

    func received(_ message: [UInt8]) { events?.received(message) }
    func receivedEnd() { events?.receivedEnd() }

    func taken(_ byteCount: Int) {
        takenBytes = byteCount
        guard isAboveHighWater, queuedBytes <= ServerCall.outboundLowWater else { return }
        isAboveHighWater = false
        events?.becameWritable()
    }

    /// The call is over, by the client or by the service.
    func closed() {
        isFinished = true
        let events = events
        self.events = nil
        events?.closed()
    }

    // MARK: Confined to the connection's loop

    /// Bytes that the call was given, ever.
    private var handedBytes = 0

    func begin(byteCount: Int) {
        call.beginResponse(byteCount: byteCount, events: AwayEvents(call: self, bridge: bridge))
    }

    func hand(_ byteCount: Int, _ reports: Bool, _ send: (ServerCall) -> Void) {
        handedBytes += byteCount
        send(call)
        // Above it the call tells when it has room again, and the report waits for that.
        if reports, call.queuedBytes <= ServerCall.outboundHighWater { report() }
    }

    func report() {
        bridge.send(.taken(self, handedBytes))
    }
}
