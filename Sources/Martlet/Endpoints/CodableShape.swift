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
    static func typeName(_ type: Any.Type) -> String {
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
    static func probe<Value: Decodable>(
        _ type: Value.Type, level: Int
    ) -> (sample: Value?, values: [ValueRecord]?) {
        if let sample = self.knownSample(type) { return (sample, nil) }
        guard level < self.maximumLevels + 1 else { return (nil, nil) }
        let notes = ShapeNotes(level: level)
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
