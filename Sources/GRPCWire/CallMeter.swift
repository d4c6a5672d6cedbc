// SPDX-License-Identifier: Apache-2.0

package import MartletBasics
package import NIOCore

/// Counts the calls of connections that belong to one event loop. A call costs some additions to plain numbers; whoever
/// wants totals adds them up.
///
/// `@unchecked Sendable`: what changes is touched only on the loop, which is checked where a method's counts are looked
/// up and where all are read.
package final class CallMeter: @unchecked Sendable {
    package let eventLoop: any EventLoop
    /// Whether the time of each call is taken, too.
    package let measuresTime: Bool
    private let isStream: @Sendable (_ path: String) -> Bool
    private var methods: [String: MethodMeter] = [:]
    private var clients: [ClientMeter] = []

    /// Clients tell what they like: later ones than these share a last place.
    private static let maximumClients = 32
    /// A client that says nothing of itself.
    package static let unknownClient = "unknown"
    private static let otherClients = "other"

    /// - Parameter isStream: whether calls of a path have any number of messages, either way.
    package init(
        eventLoop: any EventLoop, measuresTime: Bool = false,
        isStream: @escaping @Sendable (_ path: String) -> Bool = { _ in false }
    ) {
        self.eventLoop = eventLoop
        self.isStream = isStream
        self.measuresTime = measuresTime
    }

    /// The counts of one method, begun where there are none. On the loop; for each connection, not for each call.
    package func method(_ path: String) -> MethodMeter {
        self.eventLoop.preconditionInEventLoop()
        if let known = self.methods[path] { return known }
        let meter = MethodMeter(isStream: self.isStream(path), measuresTime: self.measuresTime)
        self.methods[path] = meter
        return meter
    }

    /// The counts of clients of one version.
    package func client(_ version: String) -> ClientMeter {
        self.eventLoop.preconditionInEventLoop()
        if let known = self.clients.first(where: { $0.version == version }) { return known }
        if self.clients.count >= Self.maximumClients, let last = self.clients.last { return last }
        let isLast = self.clients.count == Self.maximumClients - 1
        let meter = ClientMeter(version: isLast ? Self.otherClients : version)
        self.clients.append(meter)
        return meter
    }

    /// All that was counted. On the loop.
    package func counts() -> CallCounts {
        self.eventLoop.preconditionInEventLoop()
        return CallCounts(
            methods: self.methods.mapValues(\.counts),
            clients: self.clients.map { .init(version: $0.version, unaryCalls: $0.unaryCalls, streams: $0.streams) })
    }
}

/// What a ``CallMeter`` has counted.
package struct CallCounts: Sendable {
    package struct Method: Sendable {
        package var started: UInt64 = 0
        package var messagesReceived: UInt64 = 0
        package var messagesSent: UInt64 = 0
        /// Of messages, without their prefixes; as large as they are uncompressed.
        package var bytesReceived: UInt64 = 0
        package var bytesSent: UInt64 = 0
        /// Ended calls by status code.
        package var ended = [UInt64](repeating: 0, count: Self.codeCount)
        /// From the request's headers to the status, in seconds; nil where time isn't taken.
        package var durations: ValueHistogram?

        /// gRPC's status codes are 0 to 16.
        package static let codeCount = 17
        /// Source: the default buckets of Prometheus' Go client, which etcd's have.
        package static let bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

        package init() {}
    }

    package struct Client: Sendable {
        package var version: String
        package var unaryCalls: UInt64
        package var streams: UInt64

        package init(version: String, unaryCalls: UInt64, streams: UInt64) {
            self.version = version
            self.unaryCalls = unaryCalls
            self.streams = streams
        }
    }

    /// By path.
    package var methods: [String: Method] = [:]
    /// In the order in which they came.
    package var clients: [Client] = []

    package init(methods: [String: Method] = [:], clients: [Client] = []) {
        self.methods = methods
        self.clients = clients
    }
}

/// The counts of one method. On its meter's loop.
package final class MethodMeter {
    package let isStream: Bool
    private(set) var counts = CallCounts.Method()

    init(isStream: Bool, measuresTime: Bool) {
        self.isStream = isStream
        if measuresTime { self.counts.durations = ValueHistogram(bounds: CallCounts.Method.bounds) }
    }

    /// - Returns: when the call began, to be given back at its end; nil where time isn't taken.
    package func start() -> NIODeadline? {
        self.counts.started &+= 1
        return self.counts.durations == nil ? nil : .now()
    }

    package func received(_ byteCount: Int) {
        self.counts.messagesReceived &+= 1
        self.counts.bytesReceived &+= UInt64(byteCount)
    }

    /// - Parameter byteCount: of all the messages, without their frames.
    package func sent(_ byteCount: Int, messages: Int = 1) {
        self.counts.messagesSent &+= UInt64(messages)
        self.counts.bytesSent &+= UInt64(byteCount)
    }

    /// Codes that gRPC doesn't have count as unknown.
    package func end(_ code: GRPCStatusCode, since start: NIODeadline?) {
        let isKnown = code.rawValue >= 0 && code.rawValue < CallCounts.Method.codeCount
        self.counts.ended[isKnown ? code.rawValue : GRPCStatusCode.unknown.rawValue] &+= 1
        if let start { self.counts.durations?.add(Double((NIODeadline.now() - start).nanoseconds) / 1e9) }
    }
}

/// The calls of clients of one version, as they tell it in `client-api-version`. On its meter's loop.
package final class ClientMeter {
    package let version: String
    let bytes: [UInt8]
    package fileprivate(set) var unaryCalls: UInt64 = 0
    package fileprivate(set) var streams: UInt64 = 0

    init(version: String) {
        self.version = version
        self.bytes = Array(version.utf8)
    }

    package func count(isUnary: Bool) {
        if isUnary { self.unaryCalls &+= 1 } else { self.streams &+= 1 }
    }
}
