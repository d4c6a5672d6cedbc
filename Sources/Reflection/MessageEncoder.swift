// SPDX-License-Identifier: Apache-2.0

import MartletBasics
package import MartletJSON
import SwiftProtobuf

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Turns JSON into the bytes of a message that only descriptors know. Source: protobuf, JSON mapping and encoding.
///
/// Stricter than servers are: a field that the message doesn't have is an error, since whoever typed it meant
/// something.
package struct MessageEncoder {
    let pool: DescriptorPool

    package init(_ pool: DescriptorPool) { self.pool = pool }

    /// - Parameter name: The message's full name.
    package func encode(_ json: JSONValue, as name: String) throws(TranscodingError) -> [UInt8] {
        try self.message(json, name)
    }

    private func message(_ json: JSONValue, _ name: String) throws(TranscodingError) -> [UInt8] {
        if let bytes = try WellKnownTypes.encode(json, as: name) { return bytes }
        if name == WellKnownTypes.any { return try self.any(json) }
        guard let shape = self.pool.message(name) else { throw TranscodingError("the server doesn't describe \(name)") }
        guard let members = JSONValue.members(json) else {
            throw TranscodingError("\(json.shortText) is no object, as \(name) needs")
        }
        return try self.fields(members, shape)
    }

    private func fields(
        _ members: [(name: String, value: JSONValue)], _ shape: MessageShape
    ) throws(TranscodingError) -> [UInt8] {
        var chosen: [Int: JSONValue] = [:]
        var oneofs: [Int32: String] = [:]
        for (name, value) in members {
            guard let position = shape.position(named: name) else {
                let known = shape.fields.map(\.jsonName).joined(separator: ", ")
                throw TranscodingError("\(shape.name) has no field \"\(name)\"; it has: \(known)")
            }
            let field = shape.fields[position]
            if value == .null, !self.takesNull(field) { continue }
            if let oneof = field.oneof, let other = oneofs.updateValue(name, forKey: oneof), other != name {
                throw TranscodingError("only one of \"\(other)\" and \"\(name)\" may be set")
            }
            chosen[position] = value
        }
        var bytes: [UInt8] = []
        for (position, field) in shape.fields.enumerated() {
            guard let value = chosen[position] else {
                if field.isRequired { throw TranscodingError("\(shape.name) requires the field \"\(field.jsonName)\"") }
                continue
            }
            try TranscodingError.locating(field.jsonName) { () throws(TranscodingError) in
                try self.field(value, field, &bytes)
            }
        }
        return bytes
    }

    private func takesNull(_ field: FieldShape) -> Bool {
        !field.isRepeated && (field.typeName == WellKnownTypes.value || field.typeName == WellKnownTypes.nullValue)
    }

    private func field(_ value: JSONValue, _ field: FieldShape, _ bytes: inout [UInt8]) throws(TranscodingError) {
        guard field.isRepeated else { return try self.tagged(value, field, &bytes) }
        if field.kind == .message, let entry = self.pool.message(field.typeName), entry.isMapEntry {
            return try self.map(value, field, entry, &bytes)
        }
        guard case .array(let values) = value else { throw TranscodingError("\(value.shortText) is no array") }
        var packed: [UInt8] = []
        for (index, value) in values.enumerated() {
            try TranscodingError.locating("[\(index)]") { () throws(TranscodingError) in
                if field.isPacked {
                    try self.scalar(value, field, &packed)
                } else {
                    try self.tagged(value, field, &bytes)
                }
            }
        }
        if !packed.isEmpty {
            WireType.lengthDelimited.append(field.number, to: &bytes)
            Self.append(counted: packed, to: &bytes)
        }
    }

    private func map(
        _ value: JSONValue, _ field: FieldShape, _ entry: MessageShape, _ bytes: inout [UInt8]
    ) throws(TranscodingError) {
        guard let members = JSONValue.members(value) else { throw TranscodingError("\(value.shortText) is no object") }
        guard entry.fields.count == 2 else { throw TranscodingError("the server's \(entry.name) is no map entry") }
        for (name, value) in members {
            var content: [UInt8] = []
            try TranscodingError.locating("[\(JSONValue.string(name).plainText)]") { () throws(TranscodingError) in
                let key: JSONValue =
                    switch (entry.fields[0].kind, name) {
                    case (.bool, "true"): .bool(true)
                    case (.bool, "false"): .bool(false)
                    default: .string(name)
                    }
                try self.tagged(key, entry.fields[0], &content)
                try self.tagged(value, entry.fields[1], &content)
            }
            WireType.lengthDelimited.append(field.number, to: &bytes)
            Self.append(counted: content, to: &bytes)
        }
    }

    /// One value with its tag.
    private func tagged(_ value: JSONValue, _ field: FieldShape, _ bytes: inout [UInt8]) throws(TranscodingError) {
        switch field.kind {
        case .group:
            let content = try self.message(value, field.typeName)
            WireType.startGroup.append(field.number, to: &bytes)
            bytes += content
            WireType.endGroup.append(field.number, to: &bytes)
        case .message:
            let content = try self.message(value, field.typeName)
            WireType.lengthDelimited.append(field.number, to: &bytes)
            Self.append(counted: content, to: &bytes)
        default:
            WireType(field.kind).append(field.number, to: &bytes)
            try self.scalar(value, field, &bytes)
        }
    }

    private func scalar(_ value: JSONValue, _ field: FieldShape, _ bytes: inout [UInt8]) throws(TranscodingError) {
        switch field.kind {
        case .double: Self.append(try Self.double(value).bitPattern, to: &bytes)
        case .float: Self.append(try Self.float(value).bitPattern, to: &bytes)
        case .int32: Varint.append(UInt64(bitPattern: Int64(try Self.integer(value, Int32.self))), to: &bytes)
        case .int64: Varint.append(UInt64(bitPattern: try Self.integer(value, Int64.self)), to: &bytes)
        case .uint32: Varint.append(UInt64(try Self.integer(value, UInt32.self)), to: &bytes)
        case .uint64: Varint.append(try Self.integer(value, UInt64.self), to: &bytes)
        case .sint32: Varint.append(signed: Int64(try Self.integer(value, Int32.self)), to: &bytes)
        case .sint64: Varint.append(signed: try Self.integer(value, Int64.self), to: &bytes)
        case .fixed32: Self.append(try Self.integer(value, UInt32.self), to: &bytes)
        case .fixed64: Self.append(try Self.integer(value, UInt64.self), to: &bytes)
        case .sfixed32: Self.append(try Self.integer(value, Int32.self), to: &bytes)
        case .sfixed64: Self.append(try Self.integer(value, Int64.self), to: &bytes)
        case .bool:
            guard let flag = value.bool else { throw TranscodingError("\(value.shortText) is neither true nor false") }
            bytes.append(flag ? 1 : 0)
        case .string:
            guard let text = value.string else { throw TranscodingError("\(value.shortText) is no string") }
            Self.append(counted: Array(text.utf8), to: &bytes)
        case .bytes: Self.append(counted: try Self.base64(value), to: &bytes)
        case .enum: Varint.append(UInt64(bitPattern: Int64(try self.enumeration(value, field))), to: &bytes)
        case .message, .group: throw TranscodingError("\(value.shortText) is no message")
        }
    }

    private func enumeration(_ value: JSONValue, _ field: FieldShape) throws(TranscodingError) -> Int32 {
        if value == .null, field.typeName == WellKnownTypes.nullValue { return 0 }
        guard let name = value.string else { return try Self.integer(value, Int32.self) }
        let values = self.pool.enumeration(field.typeName)?.values ?? []
        if let number = values.first(where: { $0.name == name })?.number { return number }
        throw TranscodingError("\"\(name)\" is none of: \(values.map(\.name).joined(separator: ", "))")
    }

    /// `{"@type": "type.googleapis.com/package.Message", …}`
    private func any(_ json: JSONValue) throws(TranscodingError) -> [UInt8] {
        guard let members = JSONValue.members(json) else { throw TranscodingError("\(json.shortText) is no object") }
        guard let url = json["@type"]?.string, let name = url.split(separator: "/").last.map(String.init) else {
            throw TranscodingError("an Any needs \"@type\", such as type.googleapis.com/package.Message")
        }
        let rest = members.filter { $0.name != "@type" }
        let content =
            WellKnownTypes.contains(name)
            ? try self.message(json["value"] ?? .null, name) : try self.message(.object(rest), name)
        var bytes: [UInt8] = []
        WireType.lengthDelimited.append(1, to: &bytes)
        Self.append(counted: Array(url.utf8), to: &bytes)
        WireType.lengthDelimited.append(2, to: &bytes)
        Self.append(counted: content, to: &bytes)
        return bytes
    }
}

extension MessageEncoder {
    private static func append(counted content: [UInt8], to bytes: inout [UInt8]) {
        Varint.append(UInt64(content.count), to: &bytes)
        bytes += content
    }

    private static func append(_ number: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
    }

    /// Numbers may stand in quotes, and whole ones may be written with a fraction or an exponent.
    private static func integer<Number: FixedWidthInteger>(
        _ value: JSONValue, _ type: Number.Type
    ) throws(TranscodingError) -> Number {
        let text: String
        switch value {
        case .number(let digits), .string(let digits): text = digits
        default: throw TranscodingError("\(value.shortText) is no number")
        }
        if let number = Number(text) { return number }
        if let double = Double(text), let number = Number(exactly: double) { return number }
        throw TranscodingError("\(value.shortText) is no whole number from \(Number.min) to \(Number.max)")
    }

    private static func double(_ value: JSONValue) throws(TranscodingError) -> Double {
        switch value {
        case .string("NaN"): return .nan
        case .string("Infinity"): return .infinity
        case .string("-Infinity"): return -.infinity
        case .number(let text), .string(let text):
            if let number = Double(text), number.isFinite { return number }
        default: break
        }
        throw TranscodingError("\(value.shortText) is no number")
    }

    private static func float(_ value: JSONValue) throws(TranscodingError) -> Float {
        let number = try self.double(value)
        let float = Float(number)
        guard float.isFinite || !number.isFinite else { throw TranscodingError("\(value.shortText) is no float") }
        return float
    }

    /// Either alphabet, with or without padding.
    private static func base64(_ value: JSONValue) throws(TranscodingError) -> [UInt8] {
        guard let text = value.string else { throw TranscodingError("\(value.shortText) is no base64 text") }
        var standard = text.filter { $0 != "=" }
            .replacing("-", with: "+").replacing("_", with: "/")
        standard += String(repeating: "=", count: (4 - standard.count % 4) % 4)
        guard let data = Data(base64Encoded: standard) else {
            throw TranscodingError("\(value.shortText) is no base64 text")
        }
        return Array(data)
    }
}
