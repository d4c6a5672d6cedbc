// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire
package import SwiftProtobuf

extension EtcdCall {
    package func respond(with message: some Message) {
        guard let bytes = encoded(message) else { return }
        respond(bytes)
    }

    package func send(_ message: some Message) {
        guard let bytes = encoded(message) else { return }
        send(bytes)
    }

    package func fail(_ error: EtcdError) {
        finish(error.status)
    }

    /// The request, or nil when `bytes` are none: then the call has ended.
    package func decoded<Request: Message>(_ bytes: [UInt8], as type: Request.Type) -> Request? {
        do {
            return try Request(serializedBytes: bytes)
        } catch {
            finish(GRPCStatus(.internalError, "grpc: error unmarshalling request: \(error)"))
            return nil
        }
    }

    /// Encoding fails only for messages beyond protobuf's own limit of 2 GiB.
    private func encoded(_ message: some Message) -> [UInt8]? {
        do {
            return try message.serializedBytes()
        } catch {
            finish(GRPCStatus(.resourceExhausted, "grpc: trying to send message larger than max: \(error)"))
            return nil
        }
    }
}
