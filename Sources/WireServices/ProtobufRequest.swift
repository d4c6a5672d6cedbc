// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire
import SwiftProtobuf

extension Message {
    /// Reads a request.
    ///
    /// - Throws: status 13, as grpc-go answers bytes that are not the message.
    init(request bytes: [UInt8]) throws(GRPCStatus) {
        do {
            try self.init(serializedBytes: bytes)
        } catch {
            throw GRPCStatus(.internalError, "grpc: error unmarshalling request: \(error)")
        }
    }

    /// The message's bytes, for a reply.
    ///
    /// - Throws: status 13 when a required field is missing, which the messages of this module do not have.
    func reply() throws(GRPCStatus) -> [UInt8] {
        do {
            return try self.serializedBytes()
        } catch {
            throw GRPCStatus(.internalError, "grpc: error while marshaling: \(error)")
        }
    }
}
