// SPDX-License-Identifier: Apache-2.0

internal import MartletDNSCodec

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A node's `host:port` with a numeric host, as records of the DNS have it.
struct NodeAddress {
    let content: DNSRecord.Content
    let port: UInt16

    /// `nil` for a host that isn't numeric, and for a port of 0.
    init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port != 0
        else {
            return nil
        }
        let host = text[..<colon].filter { $0 != "[" && $0 != "]" }
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, host, &bytes) == 1 {
            self.content = .a(Array(bytes.prefix(4)))
        } else if inet_pton(AF_INET6, host, &bytes) == 1 {
            self.content = .aaaa(bytes)
        } else {
            return nil
        }
        self.port = port
    }
}

enum IPv6Text {
    /// The eight groups in hexadecimal, without leading zeroes; not shortened, which every reader takes.
    static func text(_ bytes: [UInt8]) -> String {
        stride(from: 0, to: bytes.count - 1, by: 2)
            .map { String(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]), radix: 16) }.joined(separator: ":")
    }
}
