// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import MartletGRPCWire
import MartletHTTP2Session

extension GRPCStatus {
    init(_ status: Status, trailers: HeaderBlock = HeaderBlock()) {
        self.init(GRPCStatusCode(rawValue: status.code.rawValue), status.message, trailers: trailers)
    }
}

extension Status {
    /// A code that gRPC does not know is 2, unknown. Source: gRPC, doc/statuscodes.
    init(_ status: GRPCStatus) {
        self.init(code: Code(rawValue: status.code.rawValue) ?? .unknown, message: status.message)
    }
}

extension RPCError {
    /// What a failure of the wire is to a caller or handler of grpc-swift-2; a status 0 is none, and stands for a call
    /// that has ended.
    init(_ status: GRPCStatus) {
        self.init(
            code: Code(Status(status).code) ?? .cancelled, message: status.message, metadata: Metadata(status.trailers))
    }

    /// As above, for whatever the wire throws: ``GRPCStatus`` or cancellation.
    init(wireError error: any Error) {
        self.init(GRPCStatus(describing: error))
    }
}
