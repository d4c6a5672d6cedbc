// SPDX-License-Identifier: Apache-2.0

extension MicroError.Code {
    /// The gRPC status number that carries this code.
    ///
    /// go-micro's table, with one difference: it answers 200 as status 0 without a message, which leaves its own client
    /// with a bare end of file. An error never becomes a success here; 200 is 2 like every number outside the table.
    package var grpcStatusCode: Int {
        switch self.rawValue {
        case 400: 3
        case 401: 16
        case 403: 7
        case 404: 5
        case 408: 4
        case 409: 6
        case 412: 9
        case 500: 13
        case 501: 12
        case 503: 14
        default: 2
        }
    }

    /// The code for a gRPC status that came without go-micro's own error: the table read backwards, else 500.
    package init(grpcStatusCode: Int) {
        let rawValue: Int32 =
            switch grpcStatusCode {
            case 3: 400
            case 16: 401
            case 7: 403
            case 5: 404
            case 4: 408
            case 6: 409
            case 9: 412
            case 12: 501
            case 14: 503
            default: 500
            }
        self.init(rawValue: rawValue)
    }
}

extension MicroError {
    /// The id of errors that the client finds by itself.
    package static let clientID = "go.micro.client"

    /// The error behind a failed call.
    ///
    /// Read in this order: the protobuf detail, JSON in the message, the number of the status.
    package init(grpcStatusCode: Int, message: String, detail: MicroError?) {
        if let detail, detail.code.rawValue > 0 {
            self = detail
        } else if let parsed = MicroError(jsonText: message) {
            self = parsed
        } else {
            self.init(Code(grpcStatusCode: grpcStatusCode), message, id: Self.clientID)
        }
        self.grpcStatusCode = grpcStatusCode
    }

    /// The deadline passed before an answer came.
    package static var deadlineExceeded: MicroError {
        MicroError(.timeout, "context deadline exceeded", id: Self.clientID)
    }

    /// No node of the service is known.
    package static func serviceNotFound(_ service: String) -> MicroError {
        MicroError(.internalServerError, "service \(service): not found", id: Self.clientID)
    }

    /// Nodes are known, but none may be chosen.
    package static func noneAvailable(_ service: String) -> MicroError {
        MicroError(.internalServerError, "error selecting \(service) node: none available", id: Self.clientID)
    }
}
