// SPDX-License-Identifier: Apache-2.0

package import MartletJSON
import SwiftProtobuf

/// JSON to fill in: every field of a message with a value of its kind.
package enum RequestTemplate {
    /// Messages inside messages are shown so deep. A type may hold itself.
    package static let maximumLevels = 4

    /// - Parameter name: The message's full name. Unknown messages are shown as `{}`.
    package static func json(of name: String, in pool: DescriptorPool) -> JSONValue {
        self.message(name, pool, level: 0)
    }

    private static func message(_ name: String, _ pool: DescriptorPool, level: Int) -> JSONValue {
        if let sample = WellKnownTypes.sample(name) { return sample }
        guard level < self.maximumLevels, let shape = pool.message(name) else { return .object([]) }
        var members: [(name: String, value: JSONValue)] = []
        var oneofs: Set<Int32> = []
        for field in shape.fields {
            // Only one of a oneof may be sent: the first stands for all.
            if let oneof = field.oneof, !oneofs.insert(oneof).inserted { continue }
            members.append((field.jsonName, self.value(field, pool, level: level)))
        }
        return .object(members)
    }

    private static func value(_ field: FieldShape, _ pool: DescriptorPool, level: Int) -> JSONValue {
        guard field.isRepeated else { return self.single(field, pool, level: level) }
        if field.kind == .message, let entry = pool.message(field.typeName), entry.isMapEntry, entry.fields.count == 2 {
            let key =
                switch entry.fields[0].kind {
                case .string: "key"
                case .bool: "true"
                default: "0"
                }
            return .object([(key, self.single(entry.fields[1], pool, level: level))])
        }
        return .array([self.single(field, pool, level: level)])
    }

    private static func single(_ field: FieldShape, _ pool: DescriptorPool, level: Int) -> JSONValue {
        switch field.kind {
        case .message, .group: self.message(field.typeName, pool, level: level + 1)
        case .string, .bytes: .string("")
        case .bool: .bool(false)
        case .int64, .uint64, .sint64, .fixed64, .sfixed64: .string("0")
        case .enum: pool.enumeration(field.typeName)?.values.first.map { .string($0.name) } ?? .number("0")
        case .double, .float, .int32, .uint32, .sint32, .fixed32, .sfixed32: .number("0")
        }
    }
}
