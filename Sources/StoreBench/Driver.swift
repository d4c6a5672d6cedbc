// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What a thread asks for, call by call.
protocol CallWork {
    /// Fills `message` with the lane's next request, behind a place for its prefix; nil when there are no more.
    mutating func next(lane: Int, into message: inout [UInt8]) -> Method?
    /// Looks at an answer, which came within `nanoseconds`.
    mutating func finish(lane: Int, _ answer: ArraySlice<UInt8>, nanoseconds: UInt64)
}

/// Keeps calls under way, in one thread: each connection has so many lanes, and a lane asks again when it is answered.
struct Driver<Work: CallWork> {
    var work: Work
    private(set) var latencies = LatencyHistogram()
    private let connections: [CallConnection]
    private let lanesEach: Int
    /// Between the beginnings of two calls; 0: as soon as a lane is free.
    private let pause: UInt64
    private var freeLanes: [Int] = []
    private var message: [UInt8] = []

    /// - Parameter callsPerSecond: 0 for as many as are answered.
    init(_ work: Work, port: Int, connections: Int, lanes: Int, callsPerSecond: Double = 0) {
        self.work = work
        self.connections = (0..<connections).map { _ in CallConnection(port: port) }
        self.lanesEach = lanes
        self.pause = callsPerSecond > 0 ? UInt64(1e9 / callsPerSecond) : 0
    }

    /// Calls until there is no more work or `isOver` says so, and waits for the last answers.
    mutating func run(until isOver: (_ now: UInt64) -> Bool) {
        self.freeLanes = (0..<self.connections.count * self.lanesEach).reversed()
        var polls = self.connections.map { pollfd(fd: $0.descriptor, events: 0, revents: 0) }
        var due = monotonicTime()
        var hasWork = true
        while true {
            let now = monotonicTime()
            if isOver(now) { hasWork = false }
            while hasWork, self.pause == 0 || due <= now, let lane = self.freeLanes.popLast() {
                hasWork = self.begin(lane, now)
                due += self.pause
            }
            var isIdle = true
            for (place, connection) in self.connections.enumerated() {
                connection.flush()
                if connection.openStreams > 0 { isIdle = false }
                polls[place].events = Int16(connection.mustWrite ? POLLIN | POLLOUT : POLLIN)
            }
            if isIdle, !hasWork { return }
            poll(&polls, nfds_t(polls.count), self.pause == 0 || !hasWork ? 1_000 : 1)
            for place in polls.indices where polls[place].revents != 0 { self.receive(place) }
        }
    }

    private mutating func begin(_ lane: Int, _ now: UInt64) -> Bool {
        self.message.removeAll(keepingCapacity: true)
        self.message += HTTP2.emptyPrefix
        guard let method = self.work.next(lane: lane, into: &self.message) else {
            self.freeLanes.append(lane)
            return false
        }
        HTTP2.finishMessage(&self.message)
        self.connections[lane / self.lanesEach].send(method, self.message, lane: lane, now: now)
        return true
    }

    private mutating func receive(_ place: Int) {
        var now: UInt64 = 0
        self.connections[place].receive { event in
            if now == 0 { now = monotonicTime() }
            switch event {
            case .message(let lane, let answer, let sent):
                self.latencies.add(now - sent)
                self.work.finish(lane: lane, answer, nanoseconds: now - sent)
            case .ended(let lane): self.freeLanes.append(lane)
            }
        }
    }
}
