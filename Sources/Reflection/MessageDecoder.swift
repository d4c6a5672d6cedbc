// SPDX-License-Identifier: Apache-2.0

import MartletBasics
package import MartletJSON
import SwiftProtobuf

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Turns the bytes of a message that only descriptors know into JSON, as protobuf's own mapping writes it: fields in
/// the order of their numbers, 64-bit numbers in quotes, what is absent left out. Fields without a descriptor are
/// dropped.
package struct MessageDecoder {
    /// As deep as protobuf's readers go.
    private static let depthLimit = 100

    let pool: DescriptorPool

    package init(_ pool: DescriptorPool) { self.pool = pool }

    /// - Parameter name: The message's full name.
    package func decode(_ bytes: [UInt8], as name: String) throws(TranscodingError) -> JSONValue {
        try self.message(bytes[...], name, depth: 0)
    }

    private func message(
        _ bytes: ArraySlice<UInt8>, _ name: String, depth: Int
    ) throws(TranscodingError) -> JSONValue {
        guard depth < Self.depthLimit else { throw TranscodingError("the message is too deep") }
        if let json = try WellKnownTypes.decode(Array(bytes), as: name) { return json }
        if name == WellKnownTypes.any { return try self.any(bytes, depth: depth) }
        guard let shape = self.pool.message(name) else { throw TranscodingError("the server doesn't describe \(name)") }
        var found: [Int: [WireField]] = [:]
        var oneofs: [Int32: Int] = [:]
        var fields = WireFields(bytes)
        while let field = try fields.next() {
            guard let position = shape.position(number: field.number) else { continue }
            // Of a oneof the last one counts.
            if let oneof = shape.fields[position].oneof, let other = oneofs.updateValue(position, forKey: oneof),
                other != position
            {
                found[other] = nil
            }
            found[position, default: []].append(field)
        }
        var members: [(name: String, value: JSONValue)] = []
        for (position, field) in shape.fields.enumerated() {
            guard let values = found[position] else { continue }
            let value = try TranscodingError.locating(field.jsonName) { () throws(TranscodingError) in
                try self.value(values, field, depth: depth)
            }
            members.append((field.jsonName, value))
        }
        return .object(members)
    }

    private func value(_ values: [WireField], _ field: FieldShape, depth: Int) throws(TranscodingError) -> JSONValue {
        if field.isRepeated, field.kind == .message, let entry = self.pool.message(field.typeName), entry.isMapEntry {
            return try self.map(values, entry, depth: depth)
        }
        if field.isRepeated {
            var elements: [JSONValue] = []
            for value in values { elements += try self.elements(value, field, depth: depth) }
            return .array(elements)
        }
        guard field.kind == .message || field.kind == .group, values.count > 1 else {
            guard let last = values.last else { throw WireFields.malformed }
            return try self.single(last, field, depth: depth)
        }
        // Parts of one message that came apart are joined by putting their bytes one after the other.
        let joined = values.reduce(into: [UInt8]()) { $0 += $1.content }
        return try self.message(joined[...], field.typeName, depth: depth + 1)
    }

    /// The values in one field of a repeated one: readers take both forms, whatever the descriptor says.
    private func elements(_ value: WireField, _ field: FieldShape, depth: Int) throws(TranscodingError) -> [JSONValue] {
        let type = WireType(field.kind)
        guard value.type == .lengthDelimited, type != .lengthDelimited, type != .startGroup else {
            return [try self.single(value, field, depth: depth)]
        }
        var elements: [JSONValue] = []
        if type == .varint {
            var numbers = WireFields(value.content)
            while let number = try numbers.nextVarint() { elements.append(self.varint(number, field)) }
        } else {
            let width = type == .eightBytes ? 8 : 4
            guard value.content.count.isMultiple(of: width) else { throw WireFields.malformed }
            for start in stride(from: value.content.startIndex, to: value.content.endIndex, by: width) {
                elements.append(Self.fixed(value.content[start..<start + width], field))
            }
        }
        return elements
    }

    private func map(_ values: [WireField], _ entry: MessageShape, depth: Int) throws(TranscodingError) -> JSONValue {
        guard entry.fields.count == 2 else { throw TranscodingError("the server's \(entry.name) is no map entry") }
        var members: [(name: String, value: JSONValue)] = []
        for value in values {
            var key = Self.zero(entry.fields[0])
            var content = try self.absent(entry.fields[1], depth: depth)
            var fields = WireFields(value.content)
            while let part = try fields.next() {
                if part.number == 1 { key = try self.single(part, entry.fields[0], depth: depth) }
                if part.number == 2 { content = try self.single(part, entry.fields[1], depth: depth) }
            }
            let name = key.string ?? key.text
            members.removeAll { $0.name == name }
            members.append((name, content))
        }
        return .object(members)
    }

    private func single(_ value: WireField, _ field: FieldShape, depth: Int) throws(TranscodingError) -> JSONValue {
        let type = WireType(field.kind)
        guard value.type == type else { throw WireFields.malformed }
        switch field.kind {
        case .message, .group: return try self.message(value.content, field.typeName, depth: depth + 1)
        case .string: return .string(String(decoding: value.content, as: UTF8.self))
        case .bytes: return .string(Data(value.content).base64EncodedString())
        default: break
        }
        guard type == .varint else { return Self.fixed(value.content, field) }
        var numbers = WireFields(value.content)
        guard let number = try numbers.nextVarint() else { throw WireFields.malformed }
        return self.varint(number, field)
    }

    private func varint(_ number: UInt64, _ field: FieldShape) -> JSONValue {
        switch field.kind {
        case .bool: return .bool(number != 0)
        case .int32: return .number("\(Int32(truncatingIfNeeded: number))")
        case .uint32: return .number("\(UInt32(truncatingIfNeeded: number))")
        // Cut to its width while it is still folded: the sign is the lowest bit.
        case .sint32: return .number("\(Self.unfolded(number & 0xFFFF_FFFF))")
        case .int64: return .string("\(Int64(bitPattern: number))")
        case .sint64: return .string("\(Self.unfolded(number))")
        case .enum:
            if field.typeName == WellKnownTypes.nullValue { return .null }
            let value = Int32(truncatingIfNeeded: number)
            let name = self.pool.enumeration(field.typeName)?.values.first { $0.number == value }?.name
            return name.map(JSONValue.string) ?? .number("\(value)")
        default: return .string("\(number)")
        }
    }

    private static func unfolded(_ number: UInt64) -> Int64 {
        Int64(bitPattern: number >> 1) ^ -Int64(bitPattern: number & 1)
    }

    /// - Parameter bytes: Four or eight, as the kind needs; lowest first.
    private static func fixed(_ bytes: ArraySlice<UInt8>, _ field: FieldShape) -> JSONValue {
        let bits = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        switch field.kind {
        case .double:
            let number = Double(bitPattern: bits)
            return self.text(number.isNaN, number.isInfinite, number < 0, "\(number)")
        case .float:
            let number = Float(bitPattern: UInt32(truncatingIfNeeded: bits))
            return self.text(number.isNaN, number.isInfinite, number < 0, "\(number)")
        case .fixed32: return .number("\(UInt32(truncatingIfNeeded: bits))")
        case .sfixed32: return .number("\(Int32(truncatingIfNeeded: bits))")
        case .sfixed64: return .string("\(Int64(bitPattern: bits))")
        default: return .string("\(bits)")
        }
    }

    private static func text(_ isNaN: Bool, _ isInfinite: Bool, _ isNegative: Bool, _ text: String) -> JSONValue {
        if isNaN { return .string("NaN") }
        if isInfinite { return .string(isNegative ? "-Infinity" : "Infinity") }
        return .number(text.hasSuffix(".0") ? String(text.dropLast(2)) : text)
    }

    /// The key of a map's entry that doesn't name one.
    private static func zero(_ field: FieldShape) -> JSONValue {
        switch field.kind {
        case .string: .string("")
        case .bool: .bool(false)
        default: .number("0")
        }
    }

    /// The value of a map's entry that doesn't hold one.
    private func absent(_ field: FieldShape, depth: Int) throws(TranscodingError) -> JSONValue {
        switch field.kind {
        case .message, .group: return try self.message([], field.typeName, depth: depth + 1)
        case .string, .bytes: return .string("")
        case .double, .float, .fixed32, .sfixed32, .fixed64, .sfixed64:
            let width = WireType(field.kind) == .eightBytes ? 8 : 4
            return Self.fixed(Array(repeating: 0, count: width)[...], field)
        default: return self.varint(0, field)
        }
    }

    /// An Any whose message the server describes is written out; of any other the bytes are shown as base64.
    private func any(_ bytes: ArraySlice<UInt8>, depth: Int) throws(TranscodingError) -> JSONValue {
        var url = ""
        var content: ArraySlice<UInt8> = []
        var fields = WireFields(bytes)
        while let field = try fields.next() {
            guard field.type == .lengthDelimited else { continue }
            if field.number == 1 { url = String(decoding: field.content, as: UTF8.self) }
            if field.number == 2 { content = field.content }
        }
        guard let name = url.split(separator: "/").last.map(String.init) else { return .object([]) }
        let type = (name: "@type", value: JSONValue.string(url))
        if WellKnownTypes.contains(name) {
            return .object([type, ("value", try self.message(content, name, depth: depth + 1))])
        }
        guard self.pool.message(name) != nil || name == WellKnownTypes.any else {
            return .object([type, ("value", .string(Data(content).base64EncodedString()))])
        }
        let message = try self.message(content, name, depth: depth + 1)
        return .object([type] + (JSONValue.members(message) ?? []))
    }
}
