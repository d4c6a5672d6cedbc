// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// One direction of a connection through a proxy: takes what one side says and gives it to the other, as the wires
/// allow. Both sides are on one event loop and don't read by themselves.
final class LinkHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let wires: FaultWires
    private let from: String?
    private let to: String?
    private let partner: any Channel
    private var waiting = CircularBuffer<(due: NIODeadline, bytes: ByteBuffer)>()
    private var waitingBytes = 0
    private var isReading = false
    private var isPumping = false
    private var inputEnded = false
    /// When the last of what waits is due; nothing overtakes.
    private var lastDue = NIODeadline.uptimeNanoseconds(0)

    /// What a wire holds; then the sender has to wait, as it does for a receiver that doesn't read.
    private static let waitingBytesMax = 1 << 20
    /// How often a stalled wire looks whether it still is.
    private static let stallPause = TimeAmount.milliseconds(10)

    init(_ wires: FaultWires, from: String?, to: String?, partner: any Channel) {
        (self.wires, self.from, self.to, self.partner) = (wires, from, to, partner)
    }

    func handlerAdded(context: ChannelHandlerContext) { readOn(context) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        var due = max(NIODeadline.now(), lastDue)
        if case .slow(let delay, let rate) = wires.rule(from: from, to: to) {
            let transfer = TimeAmount.nanoseconds(Int64(bytes.readableBytes) * 1_000_000_000 / Int64(max(1, rate)))
            due = max(lastDue + transfer, NIODeadline.now() + TimeAmount(delay))
        }
        lastDue = due
        waiting.append((due, bytes))
        waitingBytes += bytes.readableBytes
        pump(context)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        readOn(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        inputEnded = true
        pump(context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func readOn(_ context: ChannelHandlerContext) {
        guard !isReading, !inputEnded, waitingBytes < Self.waitingBytesMax else { return }
        isReading = true
        context.read()
    }

    /// Gives on what is due.
    private func pump(_ context: ChannelHandlerContext) {
        guard !isPumping else { return }
        while let first = waiting.first {
            switch wires.rule(from: from, to: to) {
            case .cut:
                waiting.removeAll()
                context.close(promise: nil)
                partner.close(promise: nil)
                return
            case .stall: return pumpLater(context, Self.stallPause)
            case .pass, .slow: break
            }
            let now = NIODeadline.now()
            guard first.due <= now else { return pumpLater(context, first.due - now) }
            waiting.removeFirst()
            give(first.bytes, context)
        }
        if inputEnded { partner.close(promise: nil) }
    }

    private func give(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        let count = bytes.readableBytes
        partner.writeAndFlush(bytes).assumeIsolated().whenComplete { _ in
            self.waitingBytes -= count
            self.readOn(context)
        }
    }

    private func pumpLater(_ context: ChannelHandlerContext, _ pause: TimeAmount) {
        isPumping = true
        context.eventLoop.assumeIsolated().scheduleTask(in: pause) {
            self.isPumping = false
            self.pump(context)
        }
    }
}
