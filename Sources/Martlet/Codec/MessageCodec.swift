// SPDX-License-Identifier: Apache-2.0

/// How messages are written: the content subtype of a call, and what turns values into bytes.
public struct MessageCodec: Sendable {
    /// What stands behind `application/grpc+` on the wire.
    public let subtype: String

    let kind: Kind

    enum Kind: Sendable {
        case protobuf
        case json
        case bytes
        case custom(any MessageCoder)
    }

    private init(subtype: String, kind: Kind) {
        self.subtype = subtype
        self.kind = kind
    }

    /// Protocol buffers, for types that conform to SwiftProtobuf's `Message`.
    public static var protobuf: MessageCodec { MessageCodec(subtype: "proto", kind: .protobuf) }

    /// JSON: protobuf's own mapping for messages, the type's `Codable` conformance for everything else.
    public static var json: MessageCodec { MessageCodec(subtype: "json", kind: .json) }

    /// Bytes as they are, for `[UInt8]` on either side. Source: go-micro's codec `bytes`.
    public static var bytes: MessageCodec { MessageCodec(subtype: "bytes", kind: .bytes) }

    /// A format of your own for `Codable` types.
    ///
    /// - Parameters:
    ///   - subtype: What stands behind `application/grpc+`, in lower case, `msgpack` for example.
    ///   - coder: Reads and writes the format.
    public static func custom(_ subtype: String, _ coder: some MessageCoder) -> MessageCodec {
        MessageCodec(subtype: subtype, kind: .custom(coder))
    }

    /// The content type of calls with this codec.
    package var contentType: String {
        switch self.kind {
        case .protobuf: "application/grpc+proto"
        case .json: "application/grpc+json"
        case .bytes: "application/grpc+bytes"
        case .custom: "application/grpc+" + self.subtype
        }
    }
}

/// Reads and writes `Codable` values in a format that Martlet doesn't bring along.
public protocol MessageCoder: Sendable {
    /// The bytes of a value.
    func encode<Value: Encodable>(_ value: Value) throws -> [UInt8]
    /// The value of bytes.
    func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value
}

extension MessageCodec {
    /// The codec that a call asks for.
    ///
    /// The content subtype decides. Where it is missing, a go-micro 1.18 stream may still mean JSON and say so only in
    /// `x-content-type`; plain gRPC clients send neither, and mean protobuf.
    ///
    /// - Parameters:
    ///   - contentSubtype: The subtype on the wire, empty for plain `application/grpc`.
    ///   - xContentType: Gives the `x-content-type` header; asked only when the subtype is missing.
    ///   - custom: Codecs that were registered beside protobuf, JSON and bytes.
    /// - Returns: `nil` for a subtype that nobody registered.
    package static func selected(
        contentSubtype: String, xContentType: () -> String?, custom: [MessageCodec]
    ) -> MessageCodec? {
        switch contentSubtype {
        case "proto": return .protobuf
        case "json": return .json
        case "bytes": return .bytes
        case "":
            switch xContentType() {
            case "application/json", "application/grpc+json": return .json
            case "application/grpc+bytes": return .bytes
            default: return .protobuf
            }
        default: return custom.first { $0.subtype == contentSubtype }
        }
    }

    /// The codec of a content type in a message's envelope; `nil` for one that nobody registered.
    ///
    /// go-micro's names for one format are many: all of them are known, in any case and with any parameters.
    package static func named(contentType: String, custom: [MessageCodec]) -> MessageCodec? {
        let type = contentType.prefix { $0 != ";" && $0 != " " }.lowercased()
        switch type {
        case "application/json", "application/grpc+json": return .json
        case "application/grpc", "application/grpc+proto", "application/proto", "application/protobuf",
            "application/octet-stream", "application/x-protobuf":
            return .protobuf
        case "application/grpc+bytes": return .bytes
        default:
            return custom.first { type == $0.contentType || type == "application/\($0.subtype)" }
        }
    }
}
