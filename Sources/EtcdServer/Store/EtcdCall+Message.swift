// SPDX-License-Identifier: Apache-2.0

import MartletEtcdAPI
import MartletGRPCWire
import MartletReplica
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

    /// Ends a call of locks and elections; see ``EtcdError/statusBehindClient``.
    func failBehindClient(_ error: EtcdError) {
        finish(error.statusBehindClient)
    }

    func failBehindClient(_ error: ReplicaError) {
        finish(error.statusBehindClient)
    }

    /// Ends a call whose client has sent nothing and will send nothing.
    func failWithoutRequest() {
        finish(GRPCStatus(.internalError, "grpc: a unary call needs one request message"))
    }

    /// The request of a unary call, or nil when `bytes` are none: then the call has ended.
    package func decoded<Request: EtcdRequest>(_ bytes: [UInt8], as type: Request.Type) -> Request? {
        decoded(bytes, as: type, complaint: Self.unaryComplaint)
    }

    /// As ``decoded(_:as:)``, for calls that stream in some direction: they complain in other words.
    package func decodedOfStream<Request: EtcdRequest>(_ bytes: [UInt8], as type: Request.Type) -> Request? {
        decoded(bytes, as: type, complaint: "grpc: failed to unmarshal the received message: ")
    }

    /// A unary call's request that goes into the log, or nil when `bytes` are none: then the call has ended.
    ///
    /// - Parameter type: the message that `kind` names.
    func write<Request: EtcdRequest>(_ kind: WriteRequest.Kind, _ bytes: [UInt8], as type: Request.Type) -> Write? {
        checked(bytes, as: type) { () throws(RecordError) in try Write(kind, wire: bytes) }
    }

    /// A range as it is asked for.
    func range(_ bytes: [UInt8]) -> RangeQuery? {
        checked(bytes, as: Etcdserverpb_RangeRequest.self) { () throws(RecordError) in try RangeQuery(wire: bytes) }
    }

    /// A transaction over keys and streams.
    func storeRequest(_ bytes: [UInt8]) -> StoreRequest? {
        checked(bytes, as: Martlet_V1_TransactRequest.self) { () throws(RecordError) in
            try StoreRequest(wire: bytes)
        }
    }

    private func checked<Request: EtcdRequest, Decoded>(
        _ bytes: [UInt8], as: Request.Type, _ decode: () throws(RecordError) -> Decoded
    ) -> Decoded? {
        do throws(RequestFault) {
            try Request.layout.check(bytes)
        } catch {
            finish(GRPCStatus(.internalError, "\(Self.unaryComplaint)\(error)"))
            return nil
        }
        do throws(RecordError) {
            return try decode()
        } catch {
            if case .senseless(let refusal) = error {
                finish(refusal.status)
                return nil
            }
            // The layout leaves no other.
            finish(GRPCStatus(.internalError, "\(Self.unaryComplaint)proto: \(error)"))
            return nil
        }
    }

    private static var unaryComplaint: String { "grpc: error unmarshalling request: " }

    private func decoded<Request: EtcdRequest>(_ bytes: [UInt8], as: Request.Type, complaint: String) -> Request? {
        do throws(RequestFault) {
            try Request.layout.check(bytes)
        } catch {
            finish(GRPCStatus(.internalError, "\(complaint)\(error)"))
            return nil
        }
        do {
            var options = BinaryDecodingOptions()
            options.messageDepthLimit = RequestLayout.maximumDepth
            return try Request(serializedBytes: bytes, options: options)
        } catch {
            finish(GRPCStatus(.internalError, "\(complaint)proto: \(error)"))
            return nil
        }
    }

    /// The message's bytes, or nil when it has none: then the call has ended.
    func encoded(_ message: some Message) -> [UInt8]? {
        do {
            return try message.serializedBytes()
        } catch {
            finish(EtcdError.encodingStatus(error))
            return nil
        }
    }
}

extension EtcdError {
    /// Encoding fails only for messages beyond protobuf's own limit of 2 GiB.
    static func encodingStatus(_ error: any Error) -> GRPCStatus {
        GRPCStatus(.resourceExhausted, "grpc: trying to send message larger than max: \(error)")
    }
}
