// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Describes `Codable` types for the registry, from nothing but the type.
///
/// The type is decoded from a decoder that has no input: it answers every question with a sample value and notes the
/// key and the type that were asked for. A type that refuses the samples, an enum of strings for example, ends the
/// description of the value that holds it; what was noted until then stays.
package enum CodableShape {
    /// How deep descriptions go: value, its fields, their fields. go-micro stops at the same depth.
    static let maximumLevels = 3

    /// The description of a type as a request or response.
    package static func record(of type: any Decodable.Type) -> ValueRecord {
        let name = self.typeName(type)
        return ValueRecord(name: name, type: name, values: self.probe(type, level: 0).values)
    }

    /// The name of a type in Go's words.
    fileprivate static func typeName(_ type: Any.Type) -> String {
        switch type {
        case is Bool.Type: return "bool"
        case is String.Type, is UUID.Type, is URL.Type: return "string"
        case is Int.Type, is Int64.Type: return "int64"
        case is Int8.Type: return "int8"
        case is Int16.Type: return "int16"
        case is Int32.Type: return "int32"
        case is UInt.Type, is UInt64.Type: return "uint64"
        case is UInt8.Type: return "uint8"
        case is UInt16.Type: return "uint16"
        case is UInt32.Type: return "uint32"
        case is Float.Type: return "float32"
        case is Double.Type, is Date.Type, is Decimal.Type: return "float64"
        case is Data.Type: return "[]uint8"
        case let wrapper as any WrappingType.Type: return wrapper.shapeName
        default: return String(describing: type)
        }
    }

    /// Decodes a sample of a type.
    ///
    /// - Returns: The sample, unless the type refuses all samples, and the fields that it asked for.
    fileprivate static func probe<Value: Decodable>(
        _ type: Value.Type, level: Int
    ) -> (sample: Value?, values: [ValueRecord]?) {
        if let sample = self.knownSample(type) { return (sample, nil) }
        guard level < self.maximumLevels + 1 else { return (nil, nil) }
        let notes = Notes(level: level)
        let decoded = try? Value(from: ShapeDecoder(notes: notes))
        let sample = decoded ?? ((type as? any CaseIterable.Type)?.firstSample as? Value)
        return (sample, level + 1 < self.maximumLevels && !notes.values.isEmpty ? notes.values : nil)
    }

    private static func knownSample<Value>(_ type: Value.Type) -> Value? {
        switch type {
        case is UUID.Type: UUID() as? Value
        case is Date.Type: Date(timeIntervalSince1970: 0) as? Value
        case is Data.Type: Data() as? Value
        case is Decimal.Type: Decimal(0) as? Value
        case is URL.Type: URL(string: "a") as? Value
        default: nil
        }
    }
}

extension CaseIterable {
    fileprivate static var firstSample: Any? { self.allCases.first }
}

/// Types that go-micro describes by what they hold.
private protocol WrappingType {
    static var shapeName: String { get }
}

extension Optional: WrappingType {
    fileprivate static var shapeName: String { CodableShape.typeName(Wrapped.self) }
}

extension Array: WrappingType {
    fileprivate static var shapeName: String { "[]" + CodableShape.typeName(Element.self) }
}

extension Set: WrappingType {
    fileprivate static var shapeName: String { "[]" + CodableShape.typeName(Element.self) }
}

extension Dictionary: WrappingType {
    fileprivate static var shapeName: String { "" }
}

/// What one value asked for while it was decoded.
private final class Notes {
    let level: Int
    var values: [ValueRecord] = []

    init(level: Int) { self.level = level }

    func note(_ key: any CodingKey, _ type: Any.Type, _ values: [ValueRecord]? = nil) {
        // A type that has a hand-written decoder may ask twice.
        guard !self.values.contains(where: { $0.name == key.stringValue }) else { return }
        self.values.append(
            ValueRecord(name: key.stringValue, type: CodableShape.typeName(type), values: values))
    }
}

private struct ShapeDecoder: Decoder {
    let notes: Notes
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(ShapeKeyedContainer<Key>(notes: self.notes))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { ShapeUnkeyedContainer(notes: self.notes) }
    func singleValueContainer() throws -> any SingleValueDecodingContainer { ShapeSingleContainer(notes: self.notes) }
}

extension DecodingError {
    fileprivate static func noSample(_ type: Any.Type) -> DecodingError {
        .valueNotFound(type, Context(codingPath: [], debugDescription: "the type refuses every sample"))
    }
}

private struct ShapeKeyedContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let notes: Notes
    var codingPath: [any CodingKey] { [] }
    /// No keys, so dictionaries are empty.
    var allKeys: [Key] { [] }

    func contains(_ key: Key) -> Bool { true }
    func decodeNil(forKey key: Key) throws -> Bool { false }

    private func scalar<Value>(_ key: Key, _ sample: Value) -> Value {
        self.notes.note(key, Value.self)
        return sample
    }

    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { self.scalar(key, false) }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { self.scalar(key, "") }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { self.scalar(key, 0) }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { self.scalar(key, 0) }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { self.scalar(key, 0) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { self.scalar(key, 0) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { self.scalar(key, 0) }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { self.scalar(key, 0) }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { self.scalar(key, 0) }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { self.scalar(key, 0) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { self.scalar(key, 0) }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { self.scalar(key, 0) }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { self.scalar(key, 0) }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { self.scalar(key, 0) }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        let (sample, values) = CodableShape.probe(type, level: self.notes.level + 1)
        self.notes.note(key, type, values)
        guard let sample else { throw DecodingError.noSample(type) }
        return sample
    }

    // Optional properties are noted with their type and read as absent: a type may hold itself.
    func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? {
        let isDeep = self.notes.level + 1 >= CodableShape.maximumLevels
        self.notes.note(key, type, isDeep ? nil : CodableShape.probe(type, level: self.notes.level + 1).values)
        return nil
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        KeyedDecodingContainer(ShapeKeyedContainer<Nested>(notes: Notes(level: self.notes.level + 1)))
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        ShapeUnkeyedContainer(notes: Notes(level: self.notes.level + 1))
    }

    func superDecoder() throws -> any Decoder { ShapeDecoder(notes: self.notes) }
    func superDecoder(forKey key: Key) throws -> any Decoder { ShapeDecoder(notes: self.notes) }
}

/// An empty list.
private struct ShapeUnkeyedContainer: UnkeyedDecodingContainer {
    let notes: Notes
    var codingPath: [any CodingKey] { [] }
    var count: Int? { 0 }
    var isAtEnd: Bool { true }
    var currentIndex: Int { 0 }

    mutating func decodeNil() throws -> Bool { true }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { throw DecodingError.noSample(type) }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) throws -> KeyedDecodingContainer<Nested> {
        throw DecodingError.noSample(Nested.self)
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { self }
    mutating func superDecoder() throws -> any Decoder { ShapeDecoder(notes: self.notes) }
}

private struct ShapeSingleContainer: SingleValueDecodingContainer {
    let notes: Notes
    var codingPath: [any CodingKey] { [] }

    func decodeNil() -> Bool { false }
    func decode(_ type: Bool.Type) throws -> Bool { false }
    func decode(_ type: String.Type) throws -> String { "" }
    func decode(_ type: Double.Type) throws -> Double { 0 }
    func decode(_ type: Float.Type) throws -> Float { 0 }
    func decode(_ type: Int.Type) throws -> Int { 0 }
    func decode(_ type: Int8.Type) throws -> Int8 { 0 }
    func decode(_ type: Int16.Type) throws -> Int16 { 0 }
    func decode(_ type: Int32.Type) throws -> Int32 { 0 }
    func decode(_ type: Int64.Type) throws -> Int64 { 0 }
    func decode(_ type: UInt.Type) throws -> UInt { 0 }
    func decode(_ type: UInt8.Type) throws -> UInt8 { 0 }
    func decode(_ type: UInt16.Type) throws -> UInt16 { 0 }
    func decode(_ type: UInt32.Type) throws -> UInt32 { 0 }
    func decode(_ type: UInt64.Type) throws -> UInt64 { 0 }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        guard let sample = CodableShape.probe(type, level: self.notes.level + 1).sample else {
            throw DecodingError.noSample(type)
        }
        return sample
    }
}
