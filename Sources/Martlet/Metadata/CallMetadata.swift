// SPDX-License-Identifier: Apache-2.0

/// The key-value pairs that travel beside a message: headers of a call.
///
/// Keys compare without regard to ASCII case and are lower-case on the wire. One key may have several values, which
/// keep their order. Values of keys that end in `-bin` are bytes; all others are text. The pairs keep the order in
/// which they were added.
///
/// Lookups walk the pairs: calls carry about ten of them, where a walk beats a hash.
public struct CallMetadata: Sendable, Hashable {
    private var pairs: [Pair]

    /// One key with one value.
    public struct Pair: Sendable, Hashable {
        /// The key in lower case.
        public let key: String
        /// The value; for a key that ends in `-bin` this is base64.
        public let value: String
    }

    /// No pairs.
    public init() { self.pairs = [] }

    /// The number of pairs.
    public var count: Int { self.pairs.count }

    /// Whether there is no pair.
    public var isEmpty: Bool { self.pairs.isEmpty }

    /// The value of a key, several joined with a comma and a space; setting replaces all values of the key.
    public subscript(key: String) -> String? {
        get {
            var joined: String?
            for pair in self.pairs where Self.matches(pair.key, key) {
                joined = joined.map { $0 + ", " + pair.value } ?? pair.value
            }
            return joined
        }
        set {
            self.pairs.removeAll { Self.matches($0.key, key) }
            if let newValue { self.add(newValue, for: key) }
        }
    }

    /// All values of a key, in the order in which they came.
    public func values(for key: String) -> [String] {
        self.pairs.compactMap { Self.matches($0.key, key) ? $0.value : nil }
    }

    /// Adds a value beside those that the key has.
    public mutating func add(_ value: String, for key: String) {
        self.pairs.append(Pair(key: Self.lowercased(key), value: value))
    }

    /// Whether the key has a value.
    public func contains(_ key: String) -> Bool {
        self.pairs.contains { Self.matches($0.key, key) }
    }

    /// What HTTP/2 can't carry of it, in words; nil as a rule. Source: gRPC over HTTP/2, "Custom-Metadata".
    var fault: String? {
        for pair in self.pairs {
            guard !pair.key.isEmpty, pair.key.utf8.allSatisfy(Self.isKeyByte) else {
                return "\"\(pair.key)\" can't be a key of metadata: letters, digits, \"-\", \"_\" and \".\" can"
            }
            // Text beyond ASCII is outside the protocol, but passes.
            guard pair.value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f || $0 == UInt8(ascii: "\t") }) else {
                return "the metadata's \"\(pair.key)\" has a value with control characters;"
                    + " a key that ends in -bin takes any bytes as base64"
            }
        }
        return nil
    }

    private static func isKeyByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
            UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    /// Lower-cases ASCII letters; a key that is lower-case already is returned as it is.
    package static func lowercased(_ key: String) -> String {
        key.utf8.contains { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) } ? key.lowercased() : key
    }

    private static func matches(_ stored: String, _ key: String) -> Bool {
        if stored == key { return true }
        guard stored.utf8.count == key.utf8.count else { return false }
        return stored.utf8.elementsEqual(key.utf8) { left, right in
            left == right || ((UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(right) && left == right | 0x20)
        }
    }
}

extension CallMetadata: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, String)...) {
        self.init()
        for (key, value) in elements { self.add(value, for: key) }
    }
}

extension CallMetadata: RandomAccessCollection {
    public var startIndex: Int { self.pairs.startIndex }
    public var endIndex: Int { self.pairs.endIndex }
    public subscript(position: Int) -> Pair { self.pairs[position] }
}
