// SPDX-License-Identifier: Apache-2.0

internal import SwiftProtobuf

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// Hands out one field with a sample value and notes what it was read as.
struct FieldProbe: SwiftProtobuf.Decoder {
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

// One protobuf encoding a method, as the protocol wants them; Go has one type for all encodings of a width.
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
    /// Enum values are tried up to here for a sample. They are dense in practice, and most have one at 1.
    private static let maximumEnumValue = 16

    /// A value that isn't the default, else the text format would leave the field out.
    private func sample<E: SwiftProtobuf.Enum>(_ type: E.Type) -> E where E.RawValue == Int {
        for rawValue in 1...Self.maximumEnumValue {
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
