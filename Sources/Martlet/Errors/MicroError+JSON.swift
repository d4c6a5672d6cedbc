// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension MicroError {
    /// The error as go-micro writes it: `{"id":…,"code":…,"detail":…,"status":…}`, no spaces, Go's escapes.
    package var jsonText: String {
        var text = JSONText(capacity: 64 + self.id.utf8.count + self.detail.utf8.count)
        text.raw("{\"id\":")
        text.string(self.id)
        text.raw(",\"code\":")
        text.integer(self.code.rawValue)
        text.raw(",\"detail\":")
        text.string(self.detail)
        text.raw(",\"status\":")
        text.string(self.status)
        text.raw("}")
        return text.string
    }

    /// Reads an error from a `grpc-message`.
    ///
    /// - Returns: `nil` when the text isn't a JSON object with a `code` above zero: then it is somebody else's message.
    package init?(jsonText: String) {
        // A cheap look first: most foreign messages aren't JSON at all.
        guard jsonText.utf8.first(where: { $0 != UInt8(ascii: " ") }) == UInt8(ascii: "{") else { return nil }
        guard let fields = try? JSONDecoder().decode(Fields.self, from: Data(jsonText.utf8)) else { return nil }
        guard let code = fields.code, code > 0 else { return nil }
        self.init(
            id: fields.id ?? "", code: Code(rawValue: code), detail: fields.detail ?? "", status: fields.status ?? "")
    }

    private struct Fields: Decodable {
        var id: String?
        var code: Int32?
        var detail: String?
        var status: String?
    }
}
