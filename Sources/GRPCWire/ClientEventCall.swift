// SPDX-License-Identifier: Apache-2.0

import MartletHTTP2Session
package import NIOCore

/// What happens on a call that was opened by ``WireClient/openEvents(_:options:_:)``. All on the connection's event
/// loop.
package protocol ClientCallEvents: AnyObject {
    func received(_ message: [UInt8])
    /// The outbound queue, once above ``ServerCall/outboundHighWater``, fell below ``ServerCall/outboundLowWater``.
    func becameWritable()
    /// The call is over, whoever ended it. Exactly once, last.
    func closed(_ status: GRPCStatus)
}

/// A streaming call of a client without a task: the counterpart of a `streamEvent` route.
///
/// `@unchecked Sendable`: touched only on the connection's event loop.
package final class ClientEventCall: @unchecked Sendable {
    let call: ClientCall
    private let loop: LoopExecutor

    init(_ call: ClientCall, loop: LoopExecutor) {
        self.call = call
        self.loop = loop
    }

    package var eventLoop: any EventLoop { self.loop.eventLoop }

    /// Bytes of this call's messages that the socket has not taken yet.
    package var queuedBytes: Int { self.call.body?.queuedBytes ?? 0 }

    /// Sends one message, however much waits before it. Ignored when the call is over.
    ///
    /// - Returns: Whether there is room for more; if not, `becameWritable` follows.
    @discardableResult
    package func send(_ message: [UInt8]) -> Bool {
        self.loop.eventLoop.preconditionInEventLoop()
        guard let connection = self.call.connection, !self.call.isComplete else { return true }
        do throws(GRPCStatus) {
            return try connection.writeEvent(self.call, message)
        } catch {
            connection.end(self.call, error)
            return true
        }
    }

    /// No message follows.
    package func finish() {
        self.loop.eventLoop.preconditionInEventLoop()
        self.call.connection?.endBody(self.call)
    }

    /// Ends the call if it is not over: the server sees it cancelled.
    package func cancel() {
        self.loop.eventLoop.preconditionInEventLoop()
        self.call.connection?.cancel(self.call)
    }
}

extension WireClient {
    /// Opens a call that streams, whose events are handled on the connection's event loop.
    ///
    /// - Parameter make: makes the one who is told; on that loop, before anything is sent.
    /// - Throws: ``GRPCStatus`` when there is no connection to be had. Everything later is told by `closed`.
    package func openEvents(
        _ path: String, options: WireCallOptions = WireCallOptions(),
        _ make: @escaping @Sendable (ClientEventCall) -> any ClientCallEvents
    ) async throws {
        let deadline = options.resolvedDeadline
        let connection = try await self.connection(deadline: deadline, waitForReady: options.waitForReady)
        let relay = ClientEventRelay()
        let call = self.makeCall(path, options, deadline, sink: .events(relay))
        connection.loop.perform {
            relay.events = make(ClientEventCall(call, loop: connection.loop))
            connection.start(call)
        }
    }
}

/// Joins a call and the one who is told of it, who needs the call to be made.
///
/// `@unchecked Sendable`: touched only on the connection's event loop.
final class ClientEventRelay: @unchecked Sendable {
    /// Let go of when the call is over.
    var events: (any ClientCallEvents)?

    func closed(_ status: GRPCStatus) {
        let events = self.events
        self.events = nil
        events?.closed(status)
    }
}
