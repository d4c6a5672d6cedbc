// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// What addresses are called, and where hosts are. Asking may block for seconds.
package struct HostNames: Sendable {
    package struct Unknown: Error, CustomStringConvertible {
        package var description: String

        package init(description: String) {
            self.description = description
        }
    }

    /// Of four or sixteen bytes.
    package var name: @Sendable (_ address: [UInt8]) -> Result<String, Unknown>
    package var addresses: @Sendable (_ host: String) -> Result<[[UInt8]], Unknown>

    package init(
        name: @escaping @Sendable (_ address: [UInt8]) -> Result<String, Unknown>,
        addresses: @escaping @Sendable (_ host: String) -> Result<[[UInt8]], Unknown>
    ) {
        self.name = name
        self.addresses = addresses
    }

    /// The system's: its file of hosts and its name servers.
    package static let system = HostNames(name: name(of:), addresses: addresses(of:))

    private static func name(of address: [UInt8]) -> Result<String, Unknown> {
        guard let text = IPAddressBytes.text(address) else { return .failure(Unknown(description: "no address")) }
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST
        return withAddresses(text, hints) { first in
            // The name's own limit, and its end.
            var buffer = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let code = getnameinfo(
                first.pointee.ai_addr, first.pointee.ai_addrlen, &buffer, socklen_t(buffer.count), nil, 0, NI_NAMEREQD)
            guard code == 0 else { return .failure(unknown(text, code)) }
            return .success(String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
    }

    private static func addresses(of host: String) -> Result<[[UInt8]], Unknown> {
        var hints = addrinfo()
        // Each address once, not for each kind of socket.
        hints.ai_protocol = Int32(IPPROTO_TCP)
        return withAddresses(host, hints) { first in
            var found: [[UInt8]] = []
            var next: UnsafeMutablePointer<addrinfo>? = first
            var buffer = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            while let entry = next {
                next = entry.pointee.ai_next
                let code = getnameinfo(
                    entry.pointee.ai_addr, entry.pointee.ai_addrlen, &buffer, socklen_t(buffer.count), nil, 0,
                    NI_NUMERICHOST)
                guard code == 0 else { continue }
                let text = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
                if let bytes = IPAddressBytes.parse(String(decoding: text, as: UTF8.self)) { found.append(bytes) }
            }
            return .success(found)
        }
    }

    private static func withAddresses<Value>(
        _ host: String, _ hints: addrinfo,
        _ body: (UnsafeMutablePointer<addrinfo>) -> Result<Value, Unknown>
    ) -> Result<Value, Unknown> {
        var hints = hints
        var first: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &first)
        guard code == 0, let first else { return .failure(unknown(host, code)) }
        defer { freeaddrinfo(first) }
        return body(first)
    }

    /// In Go's words.
    private static func unknown(_ name: String, _ code: Int32) -> Unknown {
        let reason = code == EAI_NONAME ? "no such host" : String(cString: gai_strerror(code))
        return Unknown(description: "lookup \(name): \(reason)")
    }
}
