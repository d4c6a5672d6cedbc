// SPDX-License-Identifier: Apache-2.0

import MartletJSON
import SwiftProtobuf

/// Messages whose JSON is not an object of their fields. SwiftProtobuf has them all, so it writes and reads them.
enum WellKnownTypes {
    private static let types: [String: any Message.Type] = {
        let all: [any Message.Type] = [
            Google_Protobuf_Timestamp.self, Google_Protobuf_Duration.self, Google_Protobuf_FieldMask.self,
            Google_Protobuf_Struct.self, Google_Protobuf_Value.self, Google_Protobuf_ListValue.self,
            Google_Protobuf_DoubleValue.self, Google_Protobuf_FloatValue.self, Google_Protobuf_Int64Value.self,
            Google_Protobuf_UInt64Value.self, Google_Protobuf_Int32Value.self, Google_Protobuf_UInt32Value.self,
            Google_Protobuf_BoolValue.self, Google_Protobuf_StringValue.self, Google_Protobuf_BytesValue.self,
        ]
        return Dictionary(uniqueKeysWithValues: all.map { ($0.protoMessageName, $0) })
    }()

    static let value = Google_Protobuf_Value.protoMessageName
    static let any = Google_Protobuf_Any.protoMessageName
    static let nullValue = "google.protobuf.NullValue"

    static func contains(_ name: String) -> Bool { self.types[name] != nil }

    /// The bytes of a well-known message; `nil` for any other type.
    static func encode(_ json: JSONValue, as name: String) throws(TranscodingError) -> [UInt8]? {
        guard let type = self.types[name] else { return nil }
        do {
            return try type.init(jsonString: json.text).serializedBytes()
        } catch {
            throw TranscodingError("\(json.shortText) is no \(name)")
        }
    }

    /// The JSON of a well-known message; `nil` for any other type.
    static func decode(_ bytes: [UInt8], as name: String) throws(TranscodingError) -> JSONValue? {
        guard let type = self.types[name] else { return nil }
        do {
            let message = try type.init(serializedBytes: bytes)
            // An empty Value has no JSON; null is the nearest.
            if let value = message as? Google_Protobuf_Value, value.kind == nil { return .null }
            return JSONParser.parse(try message.jsonUTF8Bytes())
        } catch {
            throw TranscodingError("the bytes are no \(name)")
        }
    }

    /// What stands in a template for a message of this type; `nil` for any other type.
    static func sample(_ name: String) -> JSONValue? {
        switch name {
        case "google.protobuf.Timestamp": .string("1970-01-01T00:00:00Z")
        case "google.protobuf.Duration": .string("0s")
        case "google.protobuf.FieldMask": .string("")
        case "google.protobuf.Struct": .object([])
        case "google.protobuf.ListValue": .array([])
        case self.value: .null
        case self.any: .object([("@type", .string(""))])
        case "google.protobuf.BoolValue": .bool(false)
        case "google.protobuf.StringValue", "google.protobuf.BytesValue": .string("")
        case "google.protobuf.Int64Value", "google.protobuf.UInt64Value": .string("0")
        case _ where self.contains(name): .number("0")
        default: nil
        }
    }
}

extension JSONValue {
    /// The most that is repeated of a value in an error.
    private static var shownCharacters: Int { 40 }

    var shortText: String {
        let text = self.plainText
        return text.count <= Self.shownCharacters ? text : text.prefix(Self.shownCharacters) + "..."
    }

    static func members(_ value: JSONValue) -> [(name: String, value: JSONValue)]? {
        if case .object(let members) = value { members } else { nil }
    }
}
