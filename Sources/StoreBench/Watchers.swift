// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Watchers of one range, spread over streams and connections; used by one thread.
final class Watchers {
    private let connections: [CallConnection]
    private var polls: [pollfd]
    /// Events that have come, each counted once for every watcher that heard of it.
    private(set) var delivered = 0
    private(set) var latencies = LatencyHistogram()
    private var created = 0

    /// Returns when the server has said that every watcher is there.
    init(
        port: Int, count: Int, watchersPerStream: Int, streamsPerConnection: Int, key: [UInt8], end: [UInt8] = []
    ) {
        let streams = (count + watchersPerStream - 1) / watchersPerStream
        self.connections = (0..<(streams + streamsPerConnection - 1) / streamsPerConnection).map { _ in
            CallConnection(port: port)
        }
        self.polls = self.connections.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
        var message = HTTP2.emptyPrefix
        message.append(watch: key, end: end)
        HTTP2.finishMessage(&message)
        for number in 0..<count {
            let stream = number % streams
            let connection = self.connections[stream / streamsPerConnection]
            let lane = stream % streamsPerConnection
            if number < streams {
                connection.send(.watch, message, lane: lane, now: 0, ends: false)
            } else {
                connection.sendMore(message, lane: lane)
            }
        }
        while self.created < count { self.poll(milliseconds: 1_000) }
    }

    /// Waits for what the server sends next, and counts it.
    func poll(milliseconds: Int32) {
        for (place, connection) in self.connections.enumerated() {
            connection.flush()
            self.polls[place].events = Int16(connection.mustWrite ? POLLIN | POLLOUT : POLLIN)
        }
        Foundation.poll(&self.polls, nfds_t(self.polls.count), milliseconds)
        for place in self.polls.indices where self.polls[place].revents != 0 {
            var now: UInt64 = 0
            self.connections[place].receive { event in
                if now == 0 { now = monotonicTime() }
                switch event {
                case .message(_, let response, _): self.take(response, now)
                case .ended: fail("the server ended a watch")
                }
            }
        }
    }

    /// WatchResponse: created 3, canceled 4, events 11. Event: kv 2, whose value is field 5.
    private func take(_ response: ArraySlice<UInt8>, _ now: UInt64) {
        var fields = ProtobufFields(response)
        while fields.next() {
            switch fields.number {
            case 3 where fields.value != 0: self.created += 1
            case 4 where fields.value != 0: fail("the server cancelled a watcher")
            case 11:
                guard let pair = ProtobufFields.first(2, in: fields.content),
                    let value = ProtobufFields.first(5, in: pair.content)
                else { fail("an event has no value") }
                self.delivered += 1
                self.latencies.add(now - min(now, EventTime.read(value.content)))
            default: break
            }
        }
    }
}
