// SPDX-License-Identifier: Apache-2.0

import MartletHTTP2Session
package import NIOCore

/// When a side pings its peer, and when it gives it up.
package struct KeepaliveConfiguration: Sendable {
    /// Nothing was read for this long: ping. `nil`: never.
    package var interval: TimeAmount?
    /// The peer answers a ping within this time, or the connection is closed.
    package var timeout: TimeAmount

    package init(interval: TimeAmount?, timeout: TimeAmount) {
        self.interval = interval
        self.timeout = timeout
    }

    /// What etcd's and grpc-go's servers do.
    package static let serverDefaults = KeepaliveConfiguration(interval: .hours(2), timeout: .seconds(20))
    /// Quick enough to notice a peer that vanished without closing, slow enough for every server's limit on pings.
    package static let clientDefaults = KeepaliveConfiguration(interval: .seconds(10), timeout: .seconds(5))
}

/// The keepalive of one connection, and its defence against ping floods.
///
/// Pings are never punished for their pace alone: grpc-go's clients send one a round trip to measure bandwidth. Only
/// ``floodLimit`` pings without anything else in between end a connection.
struct Keepalive {
    static let floodLimit = 1_000
    /// Enough for a loop to look at its sockets, and nothing beside the time that an answer may take.
    static let lastLook = TimeAmount.milliseconds(10)
    /// The payload of our pings, to tell them from the round trip of a drain.
    static let payload: UInt64 = 0x6d61_7274_6c65_7400

    private let configuration: KeepaliveConfiguration
    private let pingsWithoutCalls: Bool
    private var lastRead = NIODeadline.now()
    private var isAwaitingAnswer = false
    /// The time for the answer is over, and what has come meanwhile is read once more.
    private var isReadingOnceMore = false
    private var timer: Scheduled<Void>?
    private var pingCount = 0
    /// Whether any stream is open; kept by the connection's owner.
    var hasOpenStreams = false

    init(_ configuration: KeepaliveConfiguration, pingsWithoutCalls: Bool) {
        self.configuration = configuration
        self.pingsWithoutCalls = pingsWithoutCalls
    }

    mutating func start(_ connection: WireConnection) {
        guard let interval = self.configuration.interval, self.timer == nil else { return }
        self.lastRead = .now()
        self.schedule(connection, in: interval)
    }

    mutating func stop() {
        self.timer?.cancel()
        self.timer = nil
    }

    mutating func didRead() {
        self.lastRead = .now()
        self.isAwaitingAnswer = false
        self.isReadingOnceMore = false
    }

    /// The peer opened a stream or sent data: pings are no flood.
    mutating func didWork() {
        self.pingCount = 0
    }

    /// Counts a ping of the peer; `false` when they have become a flood.
    mutating func allowsPing() -> Bool {
        self.pingCount += 1
        return self.pingCount <= Self.floodLimit
    }

    private mutating func schedule(_ connection: WireConnection, in delay: TimeAmount) {
        // A scheduled task per idle interval, not per read: a read only moves `lastRead`.
        self.timer = connection.loop.eventLoop.assumeIsolated().scheduleTask(in: delay) { [weak connection] in
            // Closing stops this timer: it may not happen while `fire` still changes what it belongs to.
            guard let connection, !connection.keepalive.fire(connection) else { return }
            connection.close(GRPCStatus(.unavailable, "keepalive ping failed to receive ACK within timeout"))
        }
    }

    /// Returns whether the peer may still be there.
    private mutating func fire(_ connection: WireConnection) -> Bool {
        guard let interval = self.configuration.interval, connection.isOpen else { return true }
        let idle = NIODeadline.now() - self.lastRead
        if self.isAwaitingAnswer {
            // Set before the ping went out and cleared by any read since.
            if self.isReadingOnceMore { return false }
            // A loop that was held up by a handler runs its timers before it reads: the answer may lie there.
            self.isReadingOnceMore = true
            self.schedule(connection, in: Self.lastLook)
        } else if idle < interval {
            self.schedule(connection, in: interval - idle)
        } else if self.hasOpenStreams || self.pingsWithoutCalls {
            self.isAwaitingAnswer = true
            connection.session.ping(payload: Self.payload)
            connection.markDirty()
            self.schedule(connection, in: self.configuration.timeout)
        } else {
            self.schedule(connection, in: interval)
        }
        return true
    }
}
