// SPDX-License-Identifier: Apache-2.0

import MartletBasics
package import NIOCore

/// The meters of a server whose connections belong to several event loops: one each, so that counting needs no lock.
package struct CallMeters: Sendable {
    private let meters: [CallMeter]

    /// - Parameter isStream: whether calls of a path have any number of messages, either way.
    package init(
        eventLoops: [any EventLoop], measuresTime: Bool = false,
        isStream: @escaping @Sendable (_ path: String) -> Bool = { _ in false }
    ) {
        self.meters = eventLoops.map { CallMeter(eventLoop: $0, measuresTime: measuresTime, isStream: isStream) }
    }

    /// The meter that counts on `loop`, if there is one.
    package func meter(of loop: any EventLoop) -> CallMeter? {
        self.meters.first { $0.eventLoop === loop }
    }

    /// All that was counted, added up. The loops are asked one after the other.
    package func counts() async throws -> CallCounts {
        var sum = CallCounts()
        for meter in self.meters {
            sum.add(try await meter.eventLoop.submit { meter.counts() }.get())
        }
        return sum
    }
}

extension CallCounts {
    mutating func add(_ other: CallCounts) {
        self.methods.merge(other.methods) { $0.adding($1) }
        for client in other.clients {
            if let place = self.clients.firstIndex(where: { $0.version == client.version }) {
                self.clients[place].unaryCalls &+= client.unaryCalls
                self.clients[place].streams &+= client.streams
            } else {
                self.clients.append(client)
            }
        }
    }
}

extension CallCounts.Method {
    fileprivate func adding(_ other: Self) -> Self {
        var sum = self
        sum.started &+= other.started
        sum.messagesReceived &+= other.messagesReceived
        sum.messagesSent &+= other.messagesSent
        sum.bytesReceived &+= other.bytesReceived
        sum.bytesSent &+= other.bytesSent
        for code in sum.ended.indices { sum.ended[code] &+= other.ended[code] }
        if let durations = other.durations {
            sum.durations?.add(durations)
        }
        return sum
    }
}
