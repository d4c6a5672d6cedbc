// SPDX-License-Identifier: Apache-2.0

internal import MartletWireAPI
internal import SwiftProtobuf

extension MicroError {
    /// The type that go-micro gives its error inside `google.rpc.Status`.
    private static let detailTypeURL = "type.googleapis.com/errors.Error"

    /// The error as the only detail of a serialised `google.rpc.Status`.
    package func statusDetail(grpcStatusCode: Int, message: String) -> [UInt8]? {
        var wire = Errors_Error()
        wire.id = self.id
        wire.code = self.code.rawValue
        wire.detail = self.detail
        wire.status = self.status
        guard let value = try? wire.serializedData() else { return nil }
        var detail = Google_Protobuf_Any()
        detail.typeURL = Self.detailTypeURL
        detail.value = value
        var status = Google_Rpc_Status()
        status.code = Int32(truncatingIfNeeded: grpcStatusCode)
        status.message = message
        status.details = [detail]
        return try? status.serializedBytes()
    }

    /// The error in a serialised `google.rpc.Status`, wherever among its details it stands.
    package init?(statusDetail bytes: [UInt8]) {
        guard let status = try? Google_Rpc_Status(serializedBytes: bytes) else { return nil }
        for detail in status.details where detail.typeURL == Self.detailTypeURL {
            guard let wire = try? Errors_Error(serializedBytes: detail.value) else { continue }
            self.init(id: wire.id, code: Code(rawValue: wire.code), detail: wire.detail, status: wire.status)
            return
        }
        return nil
    }
}
