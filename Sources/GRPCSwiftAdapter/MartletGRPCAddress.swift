// SPDX-License-Identifier: Apache-2.0

package import MartletGRPCWire
import NIOCore

/// Where a ``MartletServerTransport`` listens, or a ``MartletClientTransport`` connects to.
public struct MartletGRPCAddress: Hashable, Sendable, CustomStringConvertible {
    package var wire: WireAddress

    package init(_ wire: WireAddress) { self.wire = wire }

    /// A host name or a numeric address, and a port. A server that listens on port 0 gets one from the kernel, and on
    /// `localhost` listens on IPv4 and IPv6.
    public static func hostPort(_ host: String, _ port: Int) -> MartletGRPCAddress {
        MartletGRPCAddress(.hostPort(host, port))
    }

    /// A Unix domain socket. A server replaces a socket that is left at `path`.
    public static func unixDomainSocket(_ path: String) -> MartletGRPCAddress {
        MartletGRPCAddress(.unixSocket(path))
    }

    /// Reads `host:port`, `[v6]:port` or `unix:path`; `nil` when `text` is none of them.
    public init?(_ text: String) {
        guard let wire = WireAddress(text) else { return nil }
        self.wire = wire
    }

    /// The port, where there is one.
    public var port: Int? {
        if case .hostPort(_, let port) = self.wire.kind { port } else { nil }
    }

    /// What ``init(_:)`` reads.
    public var description: String { self.wire.description }

    /// What a socket was bound to.
    init(_ address: SocketAddress) {
        if let host = address.ipAddress, let port = address.port {
            self.init(.hostPort(host, port))
        } else {
            self.init(.unixSocket(address.pathname ?? ""))
        }
    }

    /// As grpc-swift-2's contexts describe peers.
    var peerDescription: String {
        switch self.wire.kind {
        case .unixSocket(let path): "unix:\(path)"
        case .inProcess(let name): "in-process:\(name)"
        case .hostPort(let host, let port):
            if host.contains(":") {
                "ipv6:[\(host)]:\(port)"
            } else if host.utf8.allSatisfy({ $0 == UInt8(ascii: ".") || (48...57).contains($0) }) {
                "ipv4:\(host):\(port)"
            } else {
                "dns:\(host):\(port)"
            }
        }
    }
}
