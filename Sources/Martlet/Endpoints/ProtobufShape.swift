// SPDX-License-Identifier: Apache-2.0

package import SwiftProtobuf

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

    static func shortName(of type: any Message.Type) -> String {
        let name = type.protoMessageName
        return name.lastIndex(of: ".").map { String(name[name.index(after: $0)...]) } ?? name
    }
}
