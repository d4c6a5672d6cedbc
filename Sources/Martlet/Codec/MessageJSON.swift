// SPDX-License-Identifier: Apache-2.0

internal import SwiftProtobuf

/// JSON of protobuf messages, by protobuf's own mapping.
///
/// Names are lowerCamelCase, 64-bit numbers are strings, absent values are left out: what go-micro's clients read.
/// Reading takes either spelling of a name and skips unknown fields.
enum MessageJSON {
    private static let decodingOptions: JSONDecodingOptions = {
        var options = JSONDecodingOptions()
        options.ignoreUnknownFields = true
        return options
    }()

    static func encode(_ message: some Message) throws -> [UInt8] {
        try message.jsonUTF8Bytes()
    }

    static func decode<Value: Message>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        do {
            return try Value(jsonUTF8Bytes: bytes, options: self.decodingOptions)
        } catch {
            throw MalformedMessage(error)
        }
    }
}
