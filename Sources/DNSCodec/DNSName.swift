// SPDX-License-Identifier: Apache-2.0

/// A name in the DNS: labels, the root's empty one left out.
///
/// Labels are UTF-8, as multicast DNS has them, and compare without regard to ASCII case. As text they are joined by
/// dots, and nothing is escaped: a label that holds a dot reads back as two.
package struct DNSName: Sendable {
    /// Source: RFC 1035 §2.3.4.
    package static let maximumLabelBytes = 63
    package static let maximumBytes = 255

    package let labels: [String]

    package init(labels: [String]) { self.labels = labels }

    /// Reads `a.b.c`, with or without a dot at the end.
    package init(_ text: String) { self.labels = text.split(separator: ".").map(String.init) }

    package var text: String { self.labels.joined(separator: ".") }

    /// Whether the name can be written.
    package var isValid: Bool {
        var bytes = 1
        for label in self.labels {
            let count = label.utf8.count
            guard count > 0, count <= Self.maximumLabelBytes else { return false }
            bytes += count + 1
        }
        return bytes <= Self.maximumBytes
    }

    /// The part before `suffix`, or `nil` when the name doesn't end so.
    package func prefix(before suffix: DNSName) -> DNSName? {
        let count = self.labels.count - suffix.labels.count
        guard count >= 0, DNSName(labels: Array(self.labels[count...])) == suffix else { return nil }
        return DNSName(labels: Array(self.labels[..<count]))
    }

    package static func + (left: DNSName, right: DNSName) -> DNSName {
        DNSName(labels: left.labels + right.labels)
    }

    private static func folded(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}

extension DNSName: Hashable {
    package static func == (left: DNSName, right: DNSName) -> Bool {
        guard left.labels.count == right.labels.count else { return false }
        return zip(left.labels, right.labels).allSatisfy { left, right in
            left.utf8.elementsEqual(right.utf8) { Self.folded($0) == Self.folded($1) }
        }
    }

    package func hash(into hasher: inout Hasher) {
        for label in self.labels {
            for byte in label.utf8 { hasher.combine(Self.folded(byte)) }
            hasher.combine(UInt8(0))
        }
    }
}
