// SPDX-License-Identifier: Apache-2.0

package import Martlet
package import MartletJSON
package import MartletReflection

/// What `martlet describe` tells of one endpoint.
package struct EndpointDescription: Sendable {
    package var name: String
    package var streamsRequests = false
    package var streamsResponses = false
    /// JSON to fill in; `nil` where nobody says what the messages are.
    package var request: JSONValue?
    package var response: JSONValue?

    /// Reads a record of the registry. Of streams it names neither messages nor direction.
    package init(_ record: EndpointRecord) {
        name = record.name
        let isStream = record.metadata?["stream"] == "true"
        streamsRequests = isStream
        streamsResponses = isStream
        guard !isStream else { return }
        request = record.request.map { RecordTemplate.json(of: $0) }
        response = record.response.map { RecordTemplate.json(of: $0) }
    }

    /// Reads a method of a server's descriptors.
    package init(_ method: MethodShape, of service: String, in pool: DescriptorPool) {
        name = "\(service).\(method.name)"
        streamsRequests = method.streamsRequests
        streamsResponses = method.streamsResponses
        request = RequestTemplate.json(of: method.input, in: pool)
        response = RequestTemplate.json(of: method.output, in: pool)
    }

    /// `Greeter.Count` takes over what a server's reflection says of `any.package.Greeter.Count`.
    package mutating func complete(with other: EndpointDescription) {
        guard other.name == name || other.name.hasSuffix(".\(name)") else { return }
        streamsRequests = other.streamsRequests
        streamsResponses = other.streamsResponses
        request = other.request
        response = other.response
    }

    /// ` (stream)` where messages stream.
    package var kind: String {
        switch (streamsRequests, streamsResponses) {
        case (false, false): ""
        case (true, false): " (client stream)"
        case (false, true): " (server stream)"
        case (true, true): " (stream)"
        }
    }

    /// `{"name":"Greeter.Hello","stream":false,"request":{"name":""},"response":{"greeting":""}}`
    package var json: JSONValue {
        .object([
            ("name", .string(name)), ("stream", .bool(streamsRequests || streamsResponses)),
            ("request", request ?? .null), ("response", response ?? .null),
        ])
    }

    package var lines: [String] {
        var lines = ["  \(PeerText.line(name))\(kind)"]
        if let request { lines.append("    request   \(request.plainText)") }
        if let response { lines.append("    response  \(response.plainText)") }
        return lines
    }
}

/// JSON to fill in, from the shape of a message in a registry record.
package enum RecordTemplate {
    package static func json(of value: ValueRecord) -> JSONValue {
        if let fields = value.values, !fields.isEmpty {
            return .object(fields.filter { !isInternal($0.name) }.map { ($0.name, field($0)) })
        }
        return .object([])
    }

    private static func field(_ value: ValueRecord) -> JSONValue {
        if value.type.hasPrefix("[]") {
            let element = String(value.type.dropFirst(2))
            // Bytes travel as text in base64.
            if element == "uint8" || element == "byte" { return .string("") }
            return .array([single(ValueRecord(name: value.name, type: element, values: value.values))])
        }
        return single(value)
    }

    private static func single(_ value: ValueRecord) -> JSONValue {
        if value.values?.isEmpty == false { return json(of: value) }
        switch value.type {
        case "string": return .string("")
        case "bool": return .bool(false)
        case "int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64", "float32",
            "float64", "double", "float":
            return .number("0")
        default: return .object([])
        }
    }

    /// Before the names of what older generators of Go keep in a message.
    private static let generatedPrefix = String(repeating: "X", count: 3) + "_"

    /// What Go's generated messages keep beside their fields, and go-micro writes into records all the same.
    private static func isInternal(_ name: String) -> Bool {
        name.hasPrefix(generatedPrefix)
            || ["MessageState", "SizeCache", "UnknownFields", "state", "sizeCache", "unknownFields"]
                .contains(name)
    }
}
