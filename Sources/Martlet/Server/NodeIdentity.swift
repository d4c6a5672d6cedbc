// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// Who a node is and where it says it can be reached.
package enum NodeIdentity {
    /// A random UUID, version 4, in lower case. Source: RFC 9562 §5.4.
    package static func uuid() -> String {
        var bytes: [UInt8] = (0..<16).map { _ in .random(in: 0...255) }
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        var text = ""
        for (position, byte) in bytes.enumerated() {
            if [4, 6, 8, 10].contains(position) { text += "-" }
            text += String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }
        return text
    }

    /// The host to register for a service that listens on `host`.
    ///
    /// A host that means all interfaces becomes the first private address, else the first that isn't loopback, else
    /// loopback. Who listens on all IPv4 addresses can't be reached by an IPv6 one.
    package static func advertisedHost(_ host: String, interfaces: [String]) -> String {
        guard ["", "0.0.0.0", "::"].contains(host) else { return host }
        let interfaces = host == "::" ? interfaces : interfaces.filter { !$0.contains(":") }
        return interfaces.first(where: self.isPrivate) ?? interfaces.first { !self.isLocal($0) } ?? "127.0.0.1"
    }

    /// The addresses of this machine.
    package static func interfaces() -> [String] {
        let devices = (try? System.enumerateDevices()) ?? []
        return devices.compactMap { $0.address?.ipAddress }
    }

    /// Whether the address is one of 10/8, 172.16/12, 192.168/16, 100.64/10 or fd00::/8.
    package static func isPrivate(_ address: String) -> Bool {
        if address.contains(":") { return address.lowercased().hasPrefix("fd") }
        let parts = address.split(separator: ".").compactMap { UInt8($0) }
        guard parts.count == 4 else { return false }
        return switch (parts[0], parts[1]) {
        case (10, _), (172, 16...31), (192, 168), (100, 64...127): true
        default: false
        }
    }

    private static func isLocal(_ address: String) -> Bool {
        address.hasPrefix("127.") || address == "::1" || address.lowercased().hasPrefix("fe80")
    }
}
