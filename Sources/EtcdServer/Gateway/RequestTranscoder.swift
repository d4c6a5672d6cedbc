// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// Turns a JSON value into the bytes of a message.
///
/// Fields may have either of their names, the JSON name wins; unknown ones are ignored, null is as good as absent,
/// 64-bit numbers may stand in quotation marks, enumerations go by name or number. Go's decoder looks for the fields in
/// their order, not the text's, so that of several faults the first field's is told; in that order they are written.
struct RequestTranscoder {
    private let schema: GatewaySchema
    private let text: [UInt8]
    private let tape: JSONTape
    private var bytes: [UInt8] = []

    /// The next message in `text` from `offset` on, which then moves behind it; nil where only white space is left.
    static func next(
        _ type: Int, in text: [UInt8], from offset: inout Int, schema: GatewaySchema
    ) throws(GatewayFault) -> [UInt8]? {
        guard let tape = try JSONTape(text, from: offset, extent: .first) else {
            offset = text.count
            return nil
        }
        offset = tape.end
        var transcoder = RequestTranscoder(schema: schema, text: text, tape: tape)
        try transcoder.append(message: 0, type, depth: 0)
        return transcoder.bytes
    }

    private init(schema: GatewaySchema, text: [UInt8], tape: JSONTape) {
        self.schema = schema
        self.text = text
        self.tape = tape
    }

    private func literal(_ entry: JSONTape.Entry) -> ArraySlice<UInt8> {
        text[Int(entry.start)..<Int(entry.end)]
    }

    // MARK: Messages and fields

    /// Complexity: O(its fields), and every message around it moves what is inside by a few bytes.
    private mutating func append(message index: Int, _ type: Int, depth: Int) throws(GatewayFault) {
        guard depth < RequestLayout.maximumDepth else { throw GatewayFault("\(RequestFault.tooDeep)") }
        let entry = tape.entries[index]
        switch entry.kind {
        case .null: return
        case .object: break
        default: throw .mismatch(entry.kind.name, "map[string]json.RawMessage")
        }
        let fields = schema.messages[type].fields
        let values = values(of: fields, in: index)
        for (field, value) in zip(fields, values) {
            guard let value, tape.entries[value].kind != .null else { continue }
            if field.isRepeated {
                try append(elements: value, of: field, depth: depth)
            } else {
                try append(value, as: field, keepsZero: field.isInOneof, depth: depth)
            }
        }
    }

    /// The entry of each field's value; nil where it has none.
    private func values(of fields: [GatewaySchema.Field], in object: Int) -> [Int?] {
        var values = [Int?](repeating: nil, count: fields.count)
        var hasJSONName = [Bool](repeating: false, count: fields.count)
        var index = object + 1
        let end = Int(tape.entries[object].next)
        while index < end {
            let key = JSONText.unquoted(literal(tape.entries[index]))
            let value = index + 1
            for (position, field) in fields.enumerated() {
                if key == field.jsonName {
                    values[position] = value
                    hasJSONName[position] = true
                } else if key == field.name, !hasJSONName[position] {
                    values[position] = value
                }
            }
            index = Int(tape.entries[value].next)
        }
        return values
    }

    private mutating func append(
        elements list: Int, of field: GatewaySchema.Field, depth: Int
    ) throws(GatewayFault) {
        let entry = tape.entries[list]
        guard entry.kind == .array else { throw .mismatch(entry.kind.name, "[]json.RawMessage") }
        var index = list + 1
        if field.kind.isNumber {
            guard index < Int(entry.next) else { return }
            appendTag(field.number, .lengthDelimited)
            let start = bytes.count
            while index < Int(entry.next) {
                Varint.append(try number(tape.entries[index], field.kind), to: &bytes)
                index = Int(tape.entries[index].next)
            }
            return insertLength(at: start)
        }
        while index < Int(entry.next) {
            try append(index, as: field, keepsZero: true, depth: depth)
            index = Int(tape.entries[index].next)
        }
    }

    private mutating func append(
        _ index: Int, as field: GatewaySchema.Field, keepsZero: Bool, depth: Int
    ) throws(GatewayFault) {
        let entry = tape.entries[index]
        switch field.kind {
        case .message(let type):
            appendTag(field.number, .lengthDelimited)
            let start = bytes.count
            try append(message: index, type, depth: depth + 1)
            insertLength(at: start)
        case .string:
            guard entry.kind == .string || entry.kind == .null else { throw .mismatch(entry.kind.name, "string") }
            append(entry.kind == .null ? [] : JSONText.unquoted(literal(entry)), field, keepsZero)
        case .bytes:
            append(try data(index), field, keepsZero)
        case .bool, .int32, .int64, .uint32, .uint64, .enumeration:
            let number = try number(entry, field.kind)
            guard number != 0 || keepsZero else { return }
            appendTag(field.number, .varint)
            Varint.append(number, to: &bytes)
        }
    }

    private mutating func append(_ data: [UInt8], _ field: GatewaySchema.Field, _ keepsZero: Bool) {
        guard !data.isEmpty || keepsZero else { return }
        appendTag(field.number, .lengthDelimited)
        Varint.append(UInt64(data.count), to: &bytes)
        bytes += data
    }

    private enum WireType: UInt64 { case varint = 0, lengthDelimited = 2 }

    private mutating func appendTag(_ number: UInt64, _ type: WireType) {
        Varint.append(number << 3 | type.rawValue, to: &bytes)
    }

    /// Puts the length of what was written since `start` before it.
    private mutating func insertLength(at start: Int) {
        var length: [UInt8] = []
        Varint.append(UInt64(bytes.count - start), to: &length)
        bytes.insert(contentsOf: length, at: start)
    }

    // MARK: Values

    /// Base64, or a list of the bytes' values.
    private func data(_ index: Int) throws(GatewayFault) -> [UInt8] {
        let entry = tape.entries[index]
        switch entry.kind {
        case .string: return try JSONText.bytes(base64: JSONText.unquoted(literal(entry)))
        case .null: return []
        case .array:
            var bytes: [UInt8] = []
            var index = index + 1
            while index < Int(entry.next) {
                let element = tape.entries[index]
                switch element.kind {
                case .null: bytes.append(0)
                case .number:
                    guard let byte = UInt8(String(decoding: literal(element), as: UTF8.self)) else {
                        throw .mismatch("number \(String(decoding: literal(element), as: UTF8.self))", "uint8")
                    }
                    bytes.append(byte)
                default: throw .mismatch(element.kind.name, "uint8")
                }
                index = Int(element.next)
            }
            return bytes
        case .bool, .number, .object: throw .mismatch(entry.kind.name, "[]uint8")
        }
    }

    /// The value as it stands in a varint.
    private func number(_ entry: JSONTape.Entry, _ kind: GatewaySchema.Kind) throws(GatewayFault) -> UInt64 {
        switch kind {
        case .bool:
            guard entry.kind == .bool || entry.kind == .null else { throw .mismatch(entry.kind.name, "bool") }
            return literal(entry).first == UInt8(ascii: "t") ? 1 : 0
        case .enumeration(let index) where entry.kind == .string:
            let enumeration = schema.enumerations[index]
            let quoted = String(decoding: literal(entry), as: UTF8.self)
            guard let value = enumeration.values.first(where: { $0.name == quoted.dropFirst().dropLast() }) else {
                throw GatewayFault("unknown value \(GoQuote.string(quoted)) for enum \(enumeration.name)")
            }
            return UInt64(bitPattern: Int64(value.number))
        case .enumeration: return try integer(entry, Int32.self, "protoreflect.EnumNumber")
        case .int32: return try quotedInteger(entry, Int32.self, "int32")
        case .int64: return try quotedInteger(entry, Int64.self, "int64")
        case .uint32: return try quotedInteger(entry, UInt32.self, "uint32")
        case .uint64: return try quotedInteger(entry, UInt64.self, "uint64")
        case .string, .bytes, .message: preconditionFailure("\(kind) is no number")
        }
    }

    private func integer<Integer: FixedWidthInteger>(
        _ entry: JSONTape.Entry, _: Integer.Type, _ name: String
    ) throws(GatewayFault) -> UInt64 {
        switch entry.kind {
        case .null: return 0
        case .number: return try Self.integer(String(decoding: literal(entry), as: UTF8.self), Integer.self, name)
        case .bool, .string, .array, .object: throw .mismatch(entry.kind.name, name)
        }
    }

    /// As `integer`; what stands in quotation marks is a JSON text of its own, in which nothing is escaped.
    private func quotedInteger<Integer: FixedWidthInteger>(
        _ entry: JSONTape.Entry, _: Integer.Type, _ name: String
    ) throws(GatewayFault) -> UInt64 {
        guard entry.kind == .string else { return try integer(entry, Integer.self, name) }
        let inner = Array(literal(entry).dropFirst().dropLast())
        guard let tape = try JSONTape(inner, extent: .whole) else { throw .endOfText }
        return try RequestTranscoder(schema: schema, text: inner, tape: tape)
            .integer(tape.entries[0], Integer.self, name)
    }

    private static func integer<Integer: FixedWidthInteger>(
        _ digits: String, _: Integer.Type, _ name: String
    ) throws(GatewayFault) -> UInt64 {
        guard let number = Integer(digits) else { throw .mismatch("number \(digits)", name) }
        // Negative numbers are written as if they had 64 bits.
        return UInt64(truncatingIfNeeded: number)
    }
}
