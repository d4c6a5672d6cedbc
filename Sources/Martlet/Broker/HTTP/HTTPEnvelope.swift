// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A message as go-micro's HTTP broker writes it: `{"Header":{…},"Body":"…"}`, names in byte order, the body in base64.
package enum HTTPEnvelope {
    /// The path that messages are posted to. Source: go-micro, broker/http.
    package static let path = "/_sub"

    package static func encode(_ message: BrokerMessage) -> [UInt8] {
        var text = JSONText(capacity: 256 + message.body.count * 4 / 3)
        text.raw("{\"Header\":")
        text.object(message.headers.dictionary)
        text.raw(",\"Body\":")
        text.string(Data(message.body).base64EncodedString())
        text.raw("}")
        return text.bytes
    }

    /// Reads a message, leniently: what is missing or null is empty, what is unknown is skipped.
    ///
    /// - Throws: A text of what is wrong, in the words of Go's decoder where it has some.
    package static func decode(_ bytes: [UInt8]) throws(Malformed) -> BrokerMessage {
        guard !bytes.isEmpty else { throw Malformed(reason: "unexpected end of JSON input") }
        let fields: Fields
        do {
            fields = try JSONDecoder().decode(Fields.self, from: Data(bytes))
        } catch {
            throw Malformed(reason: "invalid JSON of a message")
        }
        guard let body = Data(base64Encoded: fields.body ?? "") else {
            throw Malformed(reason: "illegal base64 data in the body")
        }
        return BrokerMessage(headers: MessageHeaders(fields.header ?? [:]), body: [UInt8](body))
    }

    package struct Malformed: Error {
        package var reason: String
    }

    private struct Fields: Decodable {
        var header: [String: String]?
        var body: String?

        /// The names of the fields of Go's struct.
        enum CodingKeys: String, CodingKey {
            case header = "Header"
            case body = "Body"
        }
    }
}
