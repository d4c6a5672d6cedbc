// SPDX-License-Identifier: Apache-2.0

/// Where a server listens, or a client connects to.
package struct WireAddress: Hashable, Sendable, CustomStringConvertible {
    package enum Kind: Hashable, Sendable {
        case hostPort(String, Int)
        case unixSocket(String)
        /// A server of this process, by a name that it listens as; no socket is involved.
        case inProcess(String)
    }

    package var kind: Kind

    /// A host name or a numeric address, and a port; port 0 lets the kernel choose when listening.
    package static func hostPort(_ host: String, _ port: Int) -> WireAddress {
        WireAddress(kind: .hostPort(host, port))
    }

    package static func unixSocket(_ path: String) -> WireAddress {
        WireAddress(kind: .unixSocket(path))
    }

    package static func inProcess(_ name: String) -> WireAddress {
        WireAddress(kind: .inProcess(name))
    }

    /// Reads `host:port`, `[v6]:port`, `unix:path` or `inprocess:name`; `nil` when it is none of them.
    package init?(_ text: String) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst("unix:".count))
            guard !path.isEmpty else { return nil }
            self.kind = .unixSocket(path)
            return
        }
        if text.hasPrefix("inprocess:") {
            let name = String(text.dropFirst("inprocess:".count))
            guard !name.isEmpty else { return nil }
            self.kind = .inProcess(name)
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
        case .inProcess(let name): "inprocess:\(name)"
        }
    }

    /// What a client sends as `:authority`.
    var authority: String {
        switch self.kind {
        case .hostPort: self.description
        case .unixSocket, .inProcess: "localhost"
        }
    }
}
