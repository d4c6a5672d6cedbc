// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire

/// A call that waits in a ``KeyQueue``: Lock or Campaign. Its place is given up when the client goes away before.
final class ContenderCall: ServerCallEvents {
    private let call: any EtcdCall
    private let start: (_ message: [UInt8]) -> Contender?
    private var hasStarted = false
    private var contender: Contender?

    /// `start` runs with the request; it returns nil when it has answered already.
    init(_ call: any EtcdCall, start: @escaping (_ message: [UInt8]) -> Contender?) {
        self.call = call
        self.start = start
    }

    func received(_ message: [UInt8]) {
        // A unary call has one message; what a broken client sends after it is ignored.
        guard !hasStarted else { return }
        hasStarted = true
        contender = start(message)
    }

    func receivedEnd() {
        if !hasStarted { call.failWithoutRequest() }
    }

    func becameWritable() {}

    func closed() {
        contender?.abandon()
        contender = nil
    }
}
