// SPDX-License-Identifier: Apache-2.0

/// Where a server listens, or a client connects to.
package struct WireAddress: Hashable, Sendable, CustomStringConvertible {
    package enum Kind: Hashable, Sendable {
        case hostPort(String, Int)
        case unixSocket(String)
    }

    package var kind: Kind

    /// A host name or a numeric address, and a port; port 0 lets the kernel choose when listening.
    package static func hostPort(_ host: String, _ port: Int) -> WireAddress {
        WireAddress(kind: .hostPort(host, port))
    }

    package static func unixSocket(_ path: String) -> WireAddress {
        WireAddress(kind: .unixSocket(path))
    }

    /// Reads `host:port`, `[v6]:port` or `unix:path`; `nil` when it is none of them.
    package init?(_ text: String) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst("unix:".count))
            guard !path.isEmpty else { return nil }
            self.kind = .unixSocket(path)
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        self.kind = .hostPort(String(host), Int(port))
    }

    package init(kind: Kind) { self.kind = kind }

    package var description: String {
        switch self.kind {
        case .hostPort(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unixSocket(let path): "unix:\(path)"
        }
    }

    /// What a client sends as `:authority`.
    var authority: String {
        switch self.kind {
        case .hostPort: self.description
        case .unixSocket: "localhost"
        }
    }
}
