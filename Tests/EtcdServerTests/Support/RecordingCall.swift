// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletEtcdServer
import MartletGRPCWire
import MartletHTTP2Session
import SwiftProtobuf

/// A call that keeps what the service answers.
final class RecordingCall: EtcdCall {
    let metadata: HeaderBlock
    let certificateName: AuthName?
    private(set) var messages: [[UInt8]] = []
    private(set) var status: GRPCStatus?
    /// Of a message that comes in parts.
    private(set) var events: (any ServerCallEvents)?
    /// What the socket hasn't taken, as the test wants it.
    var queuedBytes = 0
    /// Whether the socket takes nothing, so that what is sent stays queued.
    var isStalled = false

    init(token: String? = nil, certificateName: AuthName? = nil) {
        var metadata = HeaderBlock()
        if let token { metadata.append("token", token) }
        self.metadata = metadata
        self.certificateName = certificateName
    }

    func respond(_ message: [UInt8]) {
        messages.append(message)
        status = .ok
    }

    func beginResponse(byteCount: Int, events: any ServerCallEvents) {
        self.events = events
        messages.append([])
    }

    func sendPart(_ part: [UInt8]) {
        if isStalled { queuedBytes += part.count }
        messages[messages.count - 1] += part
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
