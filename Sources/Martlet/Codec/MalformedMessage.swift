// SPDX-License-Identifier: Apache-2.0

internal import SwiftProtobuf

/// A message that isn't what its codec says.
///
/// The reason is a text for people, in the words of Go's decoders where those have some: it travels to callers of any
/// language behind gRPC's "failed to unmarshal the received message".
package struct MalformedMessage: Error {
    package var reason: String

    /// What gRPC's servers and clients say of such a message.
    package var text: String { "grpc: failed to unmarshal the received message \(self.reason)" }

    /// Reads the error of a decoder.
    init(_ error: any Error) {
        self.reason =
            switch error {
            case let error as BinaryDecodingError: Self.reason(error)
            case let error as JSONDecodingError: Self.reason(error)
            case let error as DecodingError: Self.reason(error)
            default: "\(error)"
            }
    }

    private static func reason(_ error: BinaryDecodingError) -> String {
        switch error {
        case .truncated: "unexpected EOF"
        case .invalidUTF8: "string field contains invalid UTF-8"
        case .messageDepthLimit: "proto: exceeded maximum recursion depth"
        case .missingRequiredFields: "proto: required field not set"
        default: "proto: cannot parse invalid wire-format data"
        }
    }

    private static func reason(_ error: JSONDecodingError) -> String {
        switch error {
        case .truncated: "unexpected EOF"
        case .unknownField(let name): "unknown field \"\(name)\""
        case .invalidUTF8: "string field contains invalid UTF-8"
        case .messageDepthLimit: "exceeded maximum recursion depth"
        case .malformedNumber, .leadingZero: "invalid JSON: malformed number"
        case .numberRange: "invalid JSON: number out of range, or no integer where one belongs"
        case .malformedMap, .unquotedMapKey: "invalid JSON: malformed map"
        case .malformedBool: "invalid JSON: malformed bool"
        case .malformedString: "invalid JSON: malformed string"
        case .malformedDuration: "invalid JSON: malformed duration"
        case .malformedTimestamp: "invalid JSON: malformed timestamp"
        case .malformedFieldMask: "invalid JSON: malformed field mask"
        case .unrecognizedEnumValue: "invalid JSON: unknown value for enum"
        case .illegalNull: "invalid JSON: null where none may be"
        case .trailingGarbage: "invalid JSON: text after the message"
        case .conflictingOneOf: "invalid JSON: two fields of one oneof"
        case .schemaMismatch: "invalid JSON: value of another type than the field's"
        default: "invalid JSON"
        }
    }

    /// One line that says what is wrong and where.
    private static func reason(_ error: DecodingError) -> String {
        func at(_ context: DecodingError.Context) -> String {
            let path = context.codingPath.map(\.stringValue).joined(separator: ".")
            return path.isEmpty ? context.debugDescription : "\(path): \(context.debugDescription)"
        }
        return switch error {
        case .dataCorrupted(let context): at(context)
        case .keyNotFound(let key, _): "missing field \"\(key.stringValue)\""
        case .typeMismatch(_, let context), .valueNotFound(_, let context): at(context)
        @unknown default: "invalid JSON"
        }
    }
}
