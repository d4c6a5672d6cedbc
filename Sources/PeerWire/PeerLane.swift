// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletBasics
import MartletGRPCWire
import MartletRaft
import NIOCore

/// One stream of messages to one peer, on a connection of its own, made again and again. Confined to its loop.
///
/// What is handed over while there is no stream is dropped, as a network may drop it.
final class PeerLane {
    /// What goes over a lane. A long append must not hold up the sign of life behind it.
    enum Purpose: String, CaseIterable {
        case control = "Control"
        case entries = "Entries"

        init(_ message: Message) {
            switch message.body {
            // Also one without entries: before those that it builds on it would be refused, and all of them, which are
            // under way, would be sent again.
            case .append, .proposal: self = .entries
            case .appendAccepted, .appendRejected, .heartbeat, .heartbeatAnswer, .preVote, .preVoteAnswer, .vote,
                .voteAnswer, .snapshot, .committed, .committedQuestion, .staleTerm, .readIndex, .readIndexAnswer,
                .transferLeadership, .timeoutNow, .clockQuestion, .clockAnswer:
                self = .control
            }
        }
    }

    /// Between two attempts to connect. A peer that was restarted must be found before an election's time is over.
    static let pause = TimeAmount.milliseconds(100)
    /// A peer that is asked to connect and doesn't answer is asked at its next address.
    static let connectTimeout = TimeAmount.seconds(1)

    private enum State {
        case idle
        case connecting(Task<Void, Never>)
        case open(ClientEventCall)
        case pausing(Scheduled<Void>)
        case closed
    }

    let purpose: Purpose
    private let hello: PeerHello
    private let loop: any EventLoop
    private let logger: Logger
    /// Told once when the lane breaks, not with each attempt that fails.
    private let onChange: (PeerLane, Change) -> Void
    private var clients: [WireClient]
    private var turn = 0
    private var state = State.idle
    private(set) var isOpen = false
    private(set) var droppedMessages: UInt64 = 0
    private var lastFault: String?
    /// Addresses that one after another said that nobody listens there.
    private var refusals = 0

    /// Of the address where the stream is, or is tried now or next.
    var client: WireClient { clients[turn % clients.count] }

    enum Change {
        case opened
        case broke(GRPCStatus)
        /// At none of its addresses does the peer listen: its process has ended.
        case refused
    }

    init(
        _ purpose: Purpose, _ hello: PeerHello, clients: [WireClient], on loop: any EventLoop, logger: Logger,
        onChange: @escaping (PeerLane, Change) -> Void
    ) {
        self.purpose = purpose
        self.hello = hello
        self.clients = clients
        self.loop = loop
        self.logger = logger
        self.onChange = onChange
    }

    /// Sends a batch of messages; see `MessageCoding`.
    ///
    /// - Returns: Whether it went.
    @discardableResult
    func send(_ batch: [UInt8]) -> Bool {
        guard case .open(let call) = state, call.queuedBytes + batch.count <= PeerFormat.queuedBytesMax else {
            droppedMessages += 1
            return false
        }
        call.send(batch)
        return true
    }

    func connect() {
        guard case .idle = state else { return }
        let client = client
        let (bound, loop) = (NIOLoopBound(self, eventLoop: loop), loop)
        let path = PeerService.path(of: purpose)
        state = .connecting(
            Task {
                do {
                    try await client.openEvents(path) { call in
                        bound.value.opened(call)
                        return PeerLaneEvents(bound.value)
                    }
                } catch {
                    let status = error as? GRPCStatus ?? GRPCStatus(.unavailable, "\(error)")
                    loop.execute { bound.value.failed(status) }
                }
            })
    }

    private func opened(_ call: ClientEventCall) {
        guard case .connecting = state else {
            // Closed meanwhile.
            loop.assumeIsolated().execute { call.cancel() }
            return
        }
        state = .open(call)
        // The call starts when this returns; what is sent before would be lost.
        loop.assumeIsolated().execute { self.greet(call) }
    }

    private func greet(_ call: ClientEventCall) {
        guard case .open(let current) = state, current === call else { return }
        call.send(hello.encoded())
        isOpen = true
        lastFault = nil
        refusals = 0
        onChange(self, .opened)
    }

    /// The stream is over, or there was none to be had.
    func failed(_ status: GRPCStatus) {
        switch state {
        case .closed, .idle, .pausing: return
        case .connecting, .open: break
        }
        if isOpen || lastFault != status.message {
            lastFault = status.message
            onChange(self, .broke(status))
        }
        refusals = status.isConnectRefused ? refusals + 1 : 0
        if refusals == clients.count { onChange(self, .refused) }
        // Whether a peer that was there has ended shows at once.
        let pause = isOpen ? .zero : Self.pause
        isOpen = false
        turn += 1
        state = .pausing(
            loop.assumeIsolated().scheduleTask(in: pause) {
                self.state = .idle
                self.connect()
            })
    }

    func close() {
        let last = state
        // First: a call that is cancelled says so at once, and must not be taken for one that broke.
        state = .closed
        isOpen = false
        switch last {
        case .connecting(let task): task.cancel()
        case .open(let call): call.cancel()
        case .pausing(let pause): pause.cancel()
        case .idle, .closed: break
        }
    }
}

/// What a lane's stream tells. Apart from the lane, which outlives its streams.
private final class PeerLaneEvents: ClientCallEvents {
    private let lane: PeerLane

    init(_ lane: PeerLane) {
        self.lane = lane
    }

    /// Peers answer by streams of their own.
    func received(_ message: [UInt8]) {}
    func becameWritable() {}
    func closed(_ status: GRPCStatus) { lane.failed(status) }
}
