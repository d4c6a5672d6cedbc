// SPDX-License-Identifier: Apache-2.0

internal import Foundation
package import MartletDNSCodec
internal import NIOCore
internal import NIOPosix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Finds addresses and services in the DNS.
package protocol DNSResolving: Sendable {
    /// The numeric addresses of a host.
    func addresses(of host: String) async throws -> [String]

    /// What SRV records say of a name; empty when there is none.
    func services(of name: String) async throws -> [DNSService]
}

/// One SRV record. Source: RFC 2782.
package struct DNSService: Sendable, Hashable {
    package var priority: UInt16
    package var weight: UInt16
    package var host: String
    package var port: UInt16
    package var ttlSeconds: UInt32

    package init(priority: UInt16, weight: UInt16, host: String, port: UInt16, ttlSeconds: UInt32) {
        self.priority = priority
        self.weight = weight
        self.host = host
        self.port = port
        self.ttlSeconds = ttlSeconds
    }
}

/// The system's resolver for addresses, with all that it knows of files and search lists, and queries of our own for
/// SRV records, which no system function asks for.
package struct SystemDNSResolver: DNSResolving {
    /// Numeric, with a port: `192.0.2.1:53`, `[2001:db8::1]:53`. Empty takes those of the system.
    private let servers: [String]
    private let timeout: Duration

    private static let configurationFile = "/etc/resolv.conf"
    /// How often each server is asked.
    private static let rounds = 2

    package init(servers: [String], timeout: Duration) {
        self.servers = servers
        self.timeout = timeout
    }

    package func addresses(of host: String) async throws -> [String] {
        let resolved = try await NIOThreadPool.singleton.runIfActive { try Self.lookUp(host) }
        return resolved
    }

    /// Asks the system. Blocks its thread for as long as the system's resolver waits.
    private static func lookUp(_ host: String) throws -> [String] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        #if canImport(Glibc)
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
        hints.ai_socktype = SOCK_STREAM
        #endif
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &list)
        guard code == 0 else {
            throw MicroError(
                .unavailable, "no address of \"\(host)\": \(String(cString: gai_strerror(code)))",
                id: MicroError.clientID)
        }
        defer { freeaddrinfo(list) }
        var addresses: [String] = []
        var next = list
        while let entry = next {
            next = entry.pointee.ai_next
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let isNamed = getnameinfo(
                entry.pointee.ai_addr, entry.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
            guard isNamed == 0 else { continue }
            let address = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if !addresses.contains(address) { addresses.append(address) }
        }
        return addresses
    }

    package func services(of name: String) async throws -> [DNSService] {
        let name = DNSName(name)
        var failure: any Error = MicroError(
            .unavailable, "no name server to ask for \"\(name.text)\"", id: MicroError.clientID)
        let servers = self.addressesOfServers()
        for _ in 0..<Self.rounds {
            for server in servers {
                do {
                    let answer = try await DNSExchange.ask(server, DNSQuestion(name, .srv), timeout: self.timeout)
                    return try Self.services(in: answer, name)
                } catch let error as CancellationError {
                    throw error
                } catch {
                    failure = error
                }
            }
        }
        throw failure
    }

    private func addressesOfServers() -> [SocketAddress] {
        guard self.servers.isEmpty else {
            return self.servers.compactMap { text in
                guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]) else {
                    return nil
                }
                let host = text[..<colon].filter { $0 != "[" && $0 != "]" }
                return try? SocketAddress(ipAddress: host, port: port)
            }
        }
        let text = (try? String(contentsOfFile: Self.configurationFile, encoding: .utf8)) ?? ""
        return ResolverConfiguration(text).servers.compactMap { try? SocketAddress(ipAddress: $0, port: 53) }
    }

    /// The SRV records of an answer, following names that stand for others.
    package static func services(in answer: DNSMessage, _ name: DNSName) throws -> [DNSService] {
        switch answer.flags.responseCode {
        case 0: break
        // The name doesn't exist.
        case 3: return []
        case let code:
            throw MicroError(
                .unavailable, "the name server answered code \(code) for \"\(name.text)\"", id: MicroError.clientID)
        }
        var names: Set<DNSName> = [name]
        // In whichever order aliases stand, so many steps reach every one that leads on.
        for _ in 0..<min(answer.answers.count, 16) {
            for record in answer.answers {
                if case .cname(let target) = record.content, names.contains(record.name) { names.insert(target) }
            }
        }
        return answer.answers.compactMap { record in
            guard names.contains(record.name),
                case .srv(let priority, let weight, let port, let target) = record.content,
                // A root target says that there is no such service.
                !target.labels.isEmpty
            else { return nil }
            return DNSService(
                priority: priority, weight: weight, host: target.text, port: port, ttlSeconds: record.ttlSeconds)
        }
    }
}
