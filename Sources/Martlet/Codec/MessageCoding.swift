// SPDX-License-Identifier: Apache-2.0

internal import SwiftProtobuf

/// How one message type is read, written and described: what an endpoint keeps of its request and response types.
struct MessageCoding<Value>: Sendable {
    let decode: @Sendable ([UInt8], MessageCodec) throws -> Value
    let encode: @Sendable (Value, MessageCodec) throws -> [UInt8]
    let describe: @Sendable () -> ValueRecord
    /// The codec that a client uses unless it is told otherwise.
    let preferred: MessageCodec
    /// The values are the bytes of messages: every codec will do, known or not.
    var isRaw = false
}

extension MessageCoding where Value == [UInt8] {
    /// For messages that stay bytes, whatever codec the call is in.
    static var raw: MessageCoding {
        MessageCoding(
            decode: { bytes, _ in bytes }, encode: { bytes, _ in bytes },
            describe: { ValueRecord(name: "bytes", type: "[]uint8") }, preferred: .bytes, isRaw: true)
    }
}

/// A message type can't be written in the codec that a call asks for.
package struct UnsupportedCodec: Error, Hashable {
    package var message: String

    fileprivate init(_ type: Any.Type, _ reason: String, _ codec: MessageCodec) {
        self.message = "\(type) \(reason): it can't speak application/grpc+\(codec.subtype)"
    }
}

extension MessageCoder {
    /// Reads a message; what the coder throws means that the bytes are none, unless it names an error itself.
    fileprivate func message<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        do {
            return try self.decode(type, from: bytes)
        } catch let error as MicroError {
            throw error
        } catch {
            throw MalformedMessage(error)
        }
    }
}

extension MessageCoding where Value: Codable & Sendable {
    /// For `Codable` types: JSON and custom codecs.
    static var codable: MessageCoding {
        MessageCoding(
            decode: { bytes, codec in
                switch codec.kind {
                case .protobuf: throw UnsupportedCodec(Value.self, "is Codable, not a protobuf message", codec)
                case .json: try CodableJSON.decode(Value.self, from: bytes)
                case .bytes: throw UnsupportedCodec(Value.self, "is Codable, not bytes", codec)
                case .custom(let coder): try coder.message(Value.self, from: bytes)
                }
            },
            encode: { value, codec in
                switch codec.kind {
                case .protobuf: throw UnsupportedCodec(Value.self, "is Codable, not a protobuf message", codec)
                case .json: try CodableJSON.encode(value)
                case .bytes: throw UnsupportedCodec(Value.self, "is Codable, not bytes", codec)
                case .custom(let coder): try coder.encode(value)
                }
            },
            describe: { CodableShape.record(of: Value.self) }, preferred: .json)
    }
}

extension MessageCoding where Value: Message {
    /// For protobuf messages: protobuf, and JSON by protobuf's own mapping.
    static var protobuf: MessageCoding {
        MessageCoding(
            decode: { try Self.decodeMessage($0, $1) },
            encode: { try Self.encodeMessage($0, $1) },
            describe: { ProtobufShape.record(of: Value.self) }, preferred: .protobuf)
    }

    private static func decodeMessage(_ bytes: [UInt8], _ codec: MessageCodec) throws -> Value {
        switch codec.kind {
        case .protobuf:
            do { return try Value(serializedBytes: bytes) } catch { throw MalformedMessage(error) }
        case .json: return try MessageJSON.decode(Value.self, from: bytes)
        case .bytes, .custom: throw UnsupportedCodec(Value.self, "is a protobuf message", codec)
        }
    }

    private static func encodeMessage(_ value: Value, _ codec: MessageCodec) throws -> [UInt8] {
        switch codec.kind {
        case .protobuf: try value.serializedBytes()
        case .json: try MessageJSON.encode(value)
        case .bytes, .custom: throw UnsupportedCodec(Value.self, "is a protobuf message", codec)
        }
    }
}

extension MessageCoding where Value: Message & Codable {
    /// For types that are both: protobuf messages, whose `Codable` conformance serves custom codecs only.
    static var protobufAndCodable: MessageCoding {
        MessageCoding(
            decode: { bytes, codec in
                if case .custom(let coder) = codec.kind { return try coder.message(Value.self, from: bytes) }
                return try Self.decodeMessage(bytes, codec)
            },
            encode: { value, codec in
                if case .custom(let coder) = codec.kind { return try coder.encode(value) }
                return try Self.encodeMessage(value, codec)
            },
            describe: { ProtobufShape.record(of: Value.self) }, preferred: .protobuf)
    }
}
