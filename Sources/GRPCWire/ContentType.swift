// SPDX-License-Identifier: Apache-2.0

import MartletHTTP2Session

/// gRPC's content type: `application/grpc`, then possibly `+` and a subtype that names the codec.
package enum ContentType {
    package static let base = "application/grpc"

    /// The subtype in lower case, empty when there is none, or `nil` when this is not gRPC. Parameters are ignored.
    package static func subtype(_ value: UnsafeRawBufferPointer) -> String? {
        if HeaderBlock.isEqual(value, "application/grpc") { return "" }
        if HeaderBlock.isEqual(value, "application/grpc+proto") { return "proto" }
        let prefix = self.base.utf8
        guard value.count >= prefix.count, zip(value, prefix).allSatisfy({ $0 | 0x20 == $1 || $0 == $1 }) else {
            return nil
        }
        var rest = value[prefix.count...]
        if let semicolon = rest.firstIndex(of: UInt8(ascii: ";")) { rest = rest[..<semicolon] }
        guard let separator = rest.first else { return "" }
        guard separator == UInt8(ascii: "+") else { return nil }
        return String(decoding: rest.dropFirst(), as: UTF8.self).lowercased()
    }

    package static func value(subtype: String) -> String {
        subtype.isEmpty ? self.base : "\(self.base)+\(subtype)"
    }
}

/// Which content subtypes a route reads and writes.
package enum ContentSubtypes: Sendable {
    /// None, or `proto`.
    case protobuf
    /// The route looks at the subtype itself.
    case any
    case only([String])

    func contains(_ subtype: String) -> Bool {
        switch self {
        case .protobuf: subtype.isEmpty || subtype == "proto"
        case .any: true
        case .only(let subtypes): subtypes.contains(subtype)
        }
    }
}
