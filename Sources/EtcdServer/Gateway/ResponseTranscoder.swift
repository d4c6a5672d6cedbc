// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// Turns the bytes of a message into JSON: names as in the proto file, fields that are not set left out, 64-bit numbers
/// and bytes as strings, enumerations by name.
struct ResponseTranscoder {
    private let schema: GatewaySchema
    private let bytes: [UInt8]
    private var json: [UInt8]

    /// Appends the message to `json`.
    static func append(
        _ bytes: [UInt8], _ type: Int, schema: GatewaySchema, to json: inout [UInt8]
    )
        throws(GatewayFault)
    {
        // Base64 is a third longer, and each field has a name.
        json.reserveCapacity(json.count + bytes.count * 2)
        var transcoder = ResponseTranscoder(schema: schema, bytes: bytes, json: json)
        json = []
        try transcoder.append(message: 0..<bytes.count, type)
        json = transcoder.json
    }

    private init(schema: GatewaySchema, bytes: [UInt8], json: [UInt8]) {
        self.schema = schema
        self.bytes = bytes
        self.json = json
    }

    /// Where one value of a field stands.
    private struct Occurrence {
        /// The field's place in its message.
        var field: Int
        /// The bytes; of a number, those of its varint.
        var range: Range<Int>
        var isLengthDelimited: Bool
    }

    private mutating func append(message range: Range<Int>, _ type: Int) throws(GatewayFault) {
        let fields = schema.messages[type].fields
        let occurrences = try occurrences(in: range, of: fields)
        json.append(UInt8(ascii: "{"))
        let start = json.count
        var index = 0
        while index < occurrences.count {
            let field = fields[occurrences[index].field]
            var end = index + 1
            while end < occurrences.count, occurrences[end].field == occurrences[index].field { end += 1 }
            try append(field, occurrences[index..<end], isFirst: json.count == start)
            index = end
        }
        json.append(UInt8(ascii: "}"))
    }

    /// Everything set in a message, in the order of its fields.
    private func occurrences(
        in range: Range<Int>, of fields: [GatewaySchema.Field]
    ) throws(GatewayFault) -> [Occurrence] {
        var occurrences: [Occurrence] = []
        var isInOrder = true
        var offset = range.lowerBound
        while offset < range.upperBound {
            let tag = try varint(&offset, range.upperBound)
            let start: Int
            switch tag & 7 {
            case 0:
                start = offset
                _ = try varint(&offset, range.upperBound)
            case 2:
                let length = try varint(&offset, range.upperBound)
                start = offset
                guard length <= range.upperBound - offset else { throw Self.malformed }
                offset += Int(length)
            default: throw Self.malformed
            }
            guard let field = fields.firstIndex(where: { $0.number == tag >> 3 }) else { continue }
            if let last = occurrences.last, last.field > field { isInOrder = false }
            occurrences.append(
                Occurrence(field: field, range: start..<offset, isLengthDelimited: tag & 7 == 2))
        }
        guard isInOrder else {
            // Sorting is stable: the values of one field keep their order.
            return occurrences.sorted { $0.field < $1.field }
        }
        return occurrences
    }

    private mutating func append(
        _ field: GatewaySchema.Field, _ occurrences: ArraySlice<Occurrence>, isFirst: Bool
    ) throws(GatewayFault) {
        guard let last = occurrences.last else { return }
        if !field.isRepeated, !field.isInOneof, try isZero(last, field.kind) { return }
        if !isFirst { json.append(UInt8(ascii: ",")) }
        json.append(UInt8(ascii: "\""))
        json += field.name
        json += #"":"#.utf8
        guard field.isRepeated else { return try append(last, field.kind) }
        json.append(UInt8(ascii: "["))
        let start = json.count
        for occurrence in occurrences {
            guard field.kind.isNumber, occurrence.isLengthDelimited else {
                if json.count > start { json.append(UInt8(ascii: ",")) }
                try append(occurrence, field.kind)
                continue
            }
            // Packed.
            var offset = occurrence.range.lowerBound
            while offset < occurrence.range.upperBound {
                if json.count > start { json.append(UInt8(ascii: ",")) }
                append(try varint(&offset, occurrence.range.upperBound), field.kind)
            }
        }
        json.append(UInt8(ascii: "]"))
    }

    private func isZero(_ occurrence: Occurrence, _ kind: GatewaySchema.Kind) throws(GatewayFault) -> Bool {
        switch kind {
        case .message: return false
        case .string, .bytes: return occurrence.range.isEmpty
        case .bool, .int32, .int64, .uint32, .uint64, .enumeration:
            var offset = occurrence.range.lowerBound
            return try varint(&offset, occurrence.range.upperBound) == 0
        }
    }

    private mutating func append(_ occurrence: Occurrence, _ kind: GatewaySchema.Kind) throws(GatewayFault) {
        guard kind.isNumber != occurrence.isLengthDelimited else { throw Self.malformed }
        switch kind {
        case .message(let type): try append(message: occurrence.range, type)
        case .string: JSONText.append(bytes[occurrence.range], to: &json)
        case .bytes: JSONText.append(base64: bytes[occurrence.range], to: &json)
        case .bool, .int32, .int64, .uint32, .uint64, .enumeration:
            var offset = occurrence.range.lowerBound
            append(try varint(&offset, occurrence.range.upperBound), kind)
        }
    }

    private mutating func append(_ number: UInt64, _ kind: GatewaySchema.Kind) {
        switch kind {
        case .bool: json += (number == 0 ? "false" : "true").utf8
        case .int32: json += "\(Int32(truncatingIfNeeded: number))".utf8
        case .uint32: json += "\(UInt32(truncatingIfNeeded: number))".utf8
        case .int64: json += "\"\(Int64(bitPattern: number))\"".utf8
        case .uint64: json += "\"\(number)\"".utf8
        case .enumeration(let index):
            let value = Int32(truncatingIfNeeded: number)
            if let known = schema.enumerations[index].values.first(where: { $0.number == value }) {
                json += "\"\(known.name)\"".utf8
            } else {
                json += "\(value)".utf8
            }
        case .string, .bytes, .message: preconditionFailure("\(kind) is no number")
        }
    }

    private func varint(_ offset: inout Int, _ end: Int) throws(GatewayFault) -> UInt64 {
        var position = offset
        guard let number = Varint.read(bytes.span.bytes, at: &position), position <= end else { throw Self.malformed }
        offset = position
        return number
    }

    /// Of our own making: requests never come here.
    private static let malformed = GatewayFault("malformed response")
}
