// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletGRPCWire
import MartletHTTP2Session

/// A call that hands all on to another, but for what it has of its own.
protocol WrappingCall: EtcdCall {
    var call: any EtcdCall { get }
}

extension WrappingCall {
    var metadata: HeaderBlock { call.metadata }
    var certificateName: AuthName? { call.certificateName }
    var peerText: String { call.peerText }
    var queuedBytes: Int { call.queuedBytes }

    func respond(_ message: [UInt8]) { call.respond(message) }

    func beginResponse(byteCount: Int, events: any ServerCallEvents) {
        call.beginResponse(byteCount: byteCount, events: events)
    }

    func sendPart(_ part: [UInt8]) { call.sendPart(part) }
    func send(_ message: [UInt8]) { call.send(message) }
    func finish(_ status: GRPCStatus) { call.finish(status) }
}
