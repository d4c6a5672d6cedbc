// SPDX-License-Identifier: Apache-2.0

import MartletEtcdServer
import MartletGRPCWire
import SwiftProtobuf

/// A call that keeps what the service answers.
final class RecordingCall: EtcdCall {
    private(set) var messages: [[UInt8]] = []
    private(set) var status: GRPCStatus?
    /// What the socket hasn't taken, as the test wants it.
    var queuedBytes = 0
    /// Whether the socket takes nothing, so that what is sent stays queued.
    var isStalled = false

    func respond(_ message: [UInt8]) {
        messages.append(message)
        status = .ok
    }

    func send(_ message: [UInt8]) {
        if isStalled { queuedBytes += message.count }
        messages.append(message)
    }

    func finish(_ status: GRPCStatus) {
        self.status = status
    }

    /// All messages, oldest first; they are gone then.
    func take<Response: Message>(_ type: Response.Type) throws -> [Response] {
        defer { messages = [] }
        return try messages.map { try Response(serializedBytes: $0) }
    }
}
