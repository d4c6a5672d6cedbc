// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// A key whose value is of one type, as JSON.
public struct StoreKey<Value: Codable & Sendable>: Hashable, Sendable {
    public let name: String

    public init(_ name: String) { self.name = name }

    func bytes(of value: Value) throws -> [UInt8] { try [UInt8](StoreJSON.encoder().encode(value)) }

    /// The value that a key holds.
    ///
    /// - Throws: `DecodingError` where it is none of the type.
    public func value(of keyValue: EtcdKeyValue) throws -> Value {
        try JSONDecoder().decode(Value.self, from: Data(keyValue.value))
    }
}

/// A stream of messages of one type. An entry has one field, `json`.
public struct StoreStream<Message: Codable & Sendable>: Hashable, Sendable {
    static var field: String { "json" }

    public let name: String

    public init(_ name: String) { self.name = name }

    func bytes(of message: Message) throws -> [UInt8] { try [UInt8](StoreJSON.encoder().encode(message)) }

    /// The message of an entry.
    ///
    /// - Throws: `DecodingError` where it has none of the type.
    public func message(of entry: RedisEntry) throws -> Message {
        try JSONDecoder().decode(Message.self, from: Data(entry[Self.field] ?? []))
    }
}

enum StoreJSON {
    /// Equal values have equal bytes, so that they can be compared.
    static func encoder() -> JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }
}
