// SPDX-License-Identifier: Apache-2.0

/// What is said about a message: go-micro's envelope, a name and a text each.
///
/// Names keep their case, since go-micro's readers look for them letter by letter; looking up here doesn't regard case.
public struct MessageHeaders: Sendable, Hashable {
    private var values: [String: String]

    public init(_ values: [String: String] = [:]) { self.values = values }

    /// The text under a name, in whatever case; setting replaces it under the name as it is spelt now.
    public subscript(name: String) -> String? {
        get { self.values[name] ?? self.key(name).flatMap { self.values[$0] } }
        set {
            if let old = self.key(name) { self.values[old] = nil }
            self.values[name] = newValue
        }
    }

    /// All headers by their names.
    public var dictionary: [String: String] { self.values }

    private func key(_ name: String) -> String? {
        let wanted = CallMetadata.lowercased(name)
        // The least of several, so that what is found doesn't depend on the order of hashing.
        return self.values.keys.filter { CallMetadata.lowercased($0) == wanted }.min()
    }
}

extension MessageHeaders: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, String)...) {
        self.values = Dictionary(elements) { $1 }
    }
}

extension MessageHeaders {
    /// The format of the body. Source: go-micro, broker messages.
    package static let contentType = "Content-Type"
    /// The topic that the message was published to.
    package static let topic = "Micro-Topic"
    /// Names the message.
    package static let id = "Micro-Id"
    /// The service that published it.
    package static let fromService = "Micro-From-Service"
    /// What the message is about, where brokers keep an order by it.
    package static let orderingKey = "Micro-Ordering-Key"
    /// The topic as go-micro's HTTP broker names it to itself.
    package static let httpTopic = ":topic"

    /// A name as go-micro's readers look for it: `X-Trace-Id` for `x-trace-id`, which they wouldn't find.
    package static func titleCased(_ name: String) -> String {
        var titled = ""
        var isFirst = true
        for character in name {
            titled += isFirst ? character.uppercased() : String(character)
            isFirst = character == "-"
        }
        return titled
    }

    /// The header that a key of metadata becomes. Those of a trace stay in the lower case of their standards.
    package static func name(of key: String) -> String {
        InheritedCall.traceHeaders.contains(key) ? key : self.titleCased(key)
    }

    private static let envelope: Set<String> = [
        "content-type", "micro-topic", "micro-id", "micro-from-service", ":topic",
    ]

    /// What the publisher said beside the envelope, as metadata.
    package var metadata: CallMetadata {
        var metadata = CallMetadata()
        for (name, value) in self.values.sorted(by: { $0.key < $1.key })
        where !Self.envelope.contains(CallMetadata.lowercased(name)) {
            metadata.add(value, for: name)
        }
        return metadata
    }
}
