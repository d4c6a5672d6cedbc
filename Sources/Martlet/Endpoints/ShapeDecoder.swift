// SPDX-License-Identifier: Apache-2.0

/// What one value asked for while it was decoded.
final class ShapeNotes {
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

struct ShapeDecoder: Decoder {
    let notes: ShapeNotes
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
    let notes: ShapeNotes
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
        KeyedDecodingContainer(ShapeKeyedContainer<Nested>(notes: ShapeNotes(level: self.notes.level + 1)))
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        ShapeUnkeyedContainer(notes: ShapeNotes(level: self.notes.level + 1))
    }

    func superDecoder() throws -> any Decoder { ShapeDecoder(notes: self.notes) }
    func superDecoder(forKey key: Key) throws -> any Decoder { ShapeDecoder(notes: self.notes) }
}

/// An empty list.
private struct ShapeUnkeyedContainer: UnkeyedDecodingContainer {
    let notes: ShapeNotes
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
    let notes: ShapeNotes
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
