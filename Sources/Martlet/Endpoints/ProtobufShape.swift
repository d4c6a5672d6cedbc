// SPDX-License-Identifier: Apache-2.0

package import SwiftProtobuf

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// Describes generated protobuf messages for the registry, from nothing but the message type.
///
/// A generated message knows which of its properties a field number belongs to, and reads it through the decoder it is
/// handed. Each number is asked for in turn with a decoder that hands out a sample value and notes which of its methods
/// was called: that is the type. The message, now with just this field set, is then printed in the text format, which
/// starts with the field's name.
package enum ProtobufShape {
    /// Field numbers are tried up to here. Numbers are dense in practice, and a description is only a help for readers.
    static let maximumFieldNumber = 256

    /// How deep descriptions go: message, its fields, their fields. go-micro stops at the same depth.
    static let maximumLevels = 3

    /// The description of a message type as a request or response.
    package static func record(of type: any Message.Type) -> ValueRecord {
        let name = self.shortName(of: type)
        return ValueRecord(name: name, type: name, values: self.fields(of: type, level: 1))
    }

    private static func fields(of type: any Message.Type, level: Int) -> [ValueRecord]? {
        guard level < self.maximumLevels else { return nil }
        var fields: [ValueRecord] = []
        for number in 1...self.maximumFieldNumber {
            guard let field = self.field(number, of: type) else { continue }
            let values = field.message.flatMap { self.fields(of: $0, level: level + 1) }
            fields.append(ValueRecord(name: field.name, type: field.type, values: values))
        }
        return fields.isEmpty ? nil : fields
    }

    private static func field(
        _ number: Int, of type: any Message.Type
    ) -> (name: String, type: String, message: (any Message.Type)?)? {
        func probe<M: Message>(_ type: M.Type) -> (name: String, type: String, message: (any Message.Type)?)? {
            var message = M()
            var decoder = FieldProbe(number: number)
            try? message.decodeMessage(decoder: &decoder)
            guard let found = decoder.found else { return nil }
            let text = message.textFormatString()
            let name = String(text.prefix { $0 != ":" && $0 != " " && $0 != "\n" })
            return (name.isEmpty ? "field_\(number)" : name, found, decoder.message)
        }
        return probe(type)
    }

    fileprivate static func shortName(of type: any Message.Type) -> String {
        let name = type.protoMessageName
        return name.lastIndex(of: ".").map { String(name[name.index(after: $0)...]) } ?? name
    }
}

/// Hands out one field with a sample value and notes what it was read as.
private struct FieldProbe: SwiftProtobuf.Decoder {
    private var pending: Int?
    /// The type in Go's words, once the message has read the field.
    var found: String?
    /// The type of the message, if the field is a single one.
    var message: (any Message.Type)?

    init(number: Int) { self.pending = number }

    mutating func nextFieldNumber() throws -> Int? {
        defer { self.pending = nil }
        return self.pending
    }

    mutating func handleConflictingOneOf() throws {}

    private mutating func one<Value>(_ value: inout Value, _ sample: Value, _ type: String) {
        value = sample
        self.found = type
    }

    private mutating func many<Value>(_ values: inout [Value], _ sample: Value, _ type: String) {
        values = [sample]
        self.found = "[]" + type
    }
}

extension FieldProbe {
    mutating func decodeSingularFloatField(value: inout Float) throws { self.one(&value, 1, "float32") }
    mutating func decodeSingularFloatField(value: inout Float?) throws { self.one(&value, 1, "float32") }
    mutating func decodeRepeatedFloatField(value: inout [Float]) throws { self.many(&value, 1, "float32") }
    mutating func decodeSingularDoubleField(value: inout Double) throws { self.one(&value, 1, "float64") }
    mutating func decodeSingularDoubleField(value: inout Double?) throws { self.one(&value, 1, "float64") }
    mutating func decodeRepeatedDoubleField(value: inout [Double]) throws { self.many(&value, 1, "float64") }
    mutating func decodeSingularBoolField(value: inout Bool) throws { self.one(&value, true, "bool") }
    mutating func decodeSingularBoolField(value: inout Bool?) throws { self.one(&value, true, "bool") }
    mutating func decodeRepeatedBoolField(value: inout [Bool]) throws { self.many(&value, true, "bool") }
    mutating func decodeSingularStringField(value: inout String) throws { self.one(&value, "s", "string") }
    mutating func decodeSingularStringField(value: inout String?) throws { self.one(&value, "s", "string") }
    mutating func decodeRepeatedStringField(value: inout [String]) throws { self.many(&value, "s", "string") }
    mutating func decodeSingularBytesField(value: inout Data) throws { self.one(&value, Data([1]), "[]uint8") }
    mutating func decodeSingularBytesField(value: inout Data?) throws { self.one(&value, Data([1]), "[]uint8") }
    mutating func decodeRepeatedBytesField(value: inout [Data]) throws { self.many(&value, Data([1]), "[]uint8") }
}

extension FieldProbe {
    mutating func decodeSingularInt32Field(value: inout Int32) throws { self.one(&value, 1, "int32") }
    mutating func decodeSingularInt32Field(value: inout Int32?) throws { self.one(&value, 1, "int32") }
    mutating func decodeRepeatedInt32Field(value: inout [Int32]) throws { self.many(&value, 1, "int32") }
    mutating func decodeSingularInt64Field(value: inout Int64) throws { self.one(&value, 1, "int64") }
    mutating func decodeSingularInt64Field(value: inout Int64?) throws { self.one(&value, 1, "int64") }
    mutating func decodeRepeatedInt64Field(value: inout [Int64]) throws { self.many(&value, 1, "int64") }
    mutating func decodeSingularUInt32Field(value: inout UInt32) throws { self.one(&value, 1, "uint32") }
    mutating func decodeSingularUInt32Field(value: inout UInt32?) throws { self.one(&value, 1, "uint32") }
    mutating func decodeRepeatedUInt32Field(value: inout [UInt32]) throws { self.many(&value, 1, "uint32") }
    mutating func decodeSingularUInt64Field(value: inout UInt64) throws { self.one(&value, 1, "uint64") }
    mutating func decodeSingularUInt64Field(value: inout UInt64?) throws { self.one(&value, 1, "uint64") }
    mutating func decodeRepeatedUInt64Field(value: inout [UInt64]) throws { self.many(&value, 1, "uint64") }
    mutating func decodeSingularSInt32Field(value: inout Int32) throws { self.one(&value, 1, "int32") }
    mutating func decodeSingularSInt32Field(value: inout Int32?) throws { self.one(&value, 1, "int32") }
    mutating func decodeRepeatedSInt32Field(value: inout [Int32]) throws { self.many(&value, 1, "int32") }
    mutating func decodeSingularSInt64Field(value: inout Int64) throws { self.one(&value, 1, "int64") }
    mutating func decodeSingularSInt64Field(value: inout Int64?) throws { self.one(&value, 1, "int64") }
    mutating func decodeRepeatedSInt64Field(value: inout [Int64]) throws { self.many(&value, 1, "int64") }
    mutating func decodeSingularFixed32Field(value: inout UInt32) throws { self.one(&value, 1, "uint32") }
    mutating func decodeSingularFixed32Field(value: inout UInt32?) throws { self.one(&value, 1, "uint32") }
    mutating func decodeRepeatedFixed32Field(value: inout [UInt32]) throws { self.many(&value, 1, "uint32") }
    mutating func decodeSingularFixed64Field(value: inout UInt64) throws { self.one(&value, 1, "uint64") }
    mutating func decodeSingularFixed64Field(value: inout UInt64?) throws { self.one(&value, 1, "uint64") }
    mutating func decodeRepeatedFixed64Field(value: inout [UInt64]) throws { self.many(&value, 1, "uint64") }
    mutating func decodeSingularSFixed32Field(value: inout Int32) throws { self.one(&value, 1, "int32") }
    mutating func decodeSingularSFixed32Field(value: inout Int32?) throws { self.one(&value, 1, "int32") }
    mutating func decodeRepeatedSFixed32Field(value: inout [Int32]) throws { self.many(&value, 1, "int32") }
    mutating func decodeSingularSFixed64Field(value: inout Int64) throws { self.one(&value, 1, "int64") }
    mutating func decodeSingularSFixed64Field(value: inout Int64?) throws { self.one(&value, 1, "int64") }
    mutating func decodeRepeatedSFixed64Field(value: inout [Int64]) throws { self.many(&value, 1, "int64") }
}

extension FieldProbe {
    /// A value that isn't the default, else the text format would leave the field out.
    private func sample<E: SwiftProtobuf.Enum>(_ type: E.Type) -> E where E.RawValue == Int {
        for rawValue in 1...16 {
            if let value = E(rawValue: rawValue), value.rawValue != E().rawValue { return value }
        }
        return E()
    }

    mutating func decodeSingularEnumField<E: SwiftProtobuf.Enum>(value: inout E) throws where E.RawValue == Int {
        self.one(&value, self.sample(E.self), String(describing: E.self))
    }

    mutating func decodeSingularEnumField<E: SwiftProtobuf.Enum>(value: inout E?) throws where E.RawValue == Int {
        self.one(&value, self.sample(E.self), String(describing: E.self))
    }

    mutating func decodeRepeatedEnumField<E: SwiftProtobuf.Enum>(value: inout [E]) throws where E.RawValue == Int {
        self.many(&value, self.sample(E.self), String(describing: E.self))
    }

    mutating func decodeSingularMessageField<M: Message>(value: inout M?) throws {
        self.one(&value, M(), ProtobufShape.shortName(of: M.self))
        self.message = M.self
    }

    mutating func decodeRepeatedMessageField<M: Message>(value: inout [M]) throws {
        self.many(&value, M(), ProtobufShape.shortName(of: M.self))
    }

    mutating func decodeSingularGroupField<G: Message>(value: inout G?) throws {
        try self.decodeSingularMessageField(value: &value)
    }

    mutating func decodeRepeatedGroupField<G: Message>(value: inout [G]) throws {
        try self.decodeRepeatedMessageField(value: &value)
    }

    mutating func decodeMapField<KeyType, ValueType: MapValueType>(
        fieldType: _ProtobufMap<KeyType, ValueType>.Type, value: inout _ProtobufMap<KeyType, ValueType>.BaseType
    ) throws {
        value[KeyType.proto3DefaultValue] = ValueType.proto3DefaultValue
        self.found = ""
    }

    mutating func decodeMapField<KeyType, ValueType>(
        fieldType: _ProtobufEnumMap<KeyType, ValueType>.Type,
        value: inout _ProtobufEnumMap<KeyType, ValueType>.BaseType
    ) throws where ValueType.RawValue == Int {
        value[KeyType.proto3DefaultValue] = ValueType()
        self.found = ""
    }

    mutating func decodeMapField<KeyType, ValueType>(
        fieldType: _ProtobufMessageMap<KeyType, ValueType>.Type,
        value: inout _ProtobufMessageMap<KeyType, ValueType>.BaseType
    ) throws {
        value[KeyType.proto3DefaultValue] = ValueType()
        self.found = ""
    }

    mutating func decodeExtensionField(
        values: inout ExtensionFieldValueSet, messageType: any Message.Type, fieldNumber: Int
    ) throws {}
}
