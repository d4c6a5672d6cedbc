// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// JSON of `Codable` types. Coders are shared: coding changes no state of theirs.
///
/// Fields come in the order of their names: the same value is always the same bytes, in every process.
package enum CodableJSON {
    private static let encoder: JSONEncoder = {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        return encoder
    }()
    private static let decoder = JSONDecoder()

    package static func encode(_ value: some Encodable) throws -> [UInt8] {
        [UInt8](try self.encoder.encode(value))
    }

    package static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        do {
            return try self.decoder.decode(type, from: Data(bytes))
        } catch {
            throw MalformedMessage(error)
        }
    }
}
