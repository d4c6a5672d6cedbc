// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// An HTTP/2 client that reads only when it is told to: as bad a client as a server can have.
///
/// It keeps to the windows of a connection that never got more than the first ones: 65,535 bytes in all.
final class RawConnection {
    struct Failure: Error {
        var call: String
        var code = errno
    }

    private let socket: Int32
    private var unread: [UInt8] = []

    /// - Parameter address: `127.0.0.1:2379`.
    init(_ address: String) throws {
        let port = address.split(separator: ":").last.flatMap { UInt16($0) } ?? 0
        #if canImport(Darwin)
        socket = Darwin.socket(AF_INET, SOCK_STREAM, 0)
        #elseif canImport(Musl)
        socket = Musl.socket(AF_INET, SOCK_STREAM, 0)
        #else
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #endif
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = port.bigEndian
        target.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                connect(socket, address, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw Failure(call: "connect") }
        try write(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + Self.frame(type: 4, flags: 0, stream: 0, []))
    }

    private static let dontWait = Int32(MSG_DONTWAIT)

    deinit { close(socket) }

    private static func frame(type: UInt8, flags: UInt8, stream: UInt8, _ payload: [UInt8]) -> [UInt8] {
        let count = payload.count
        return [UInt8(count >> 16), UInt8(count >> 8 & 255), UInt8(count & 255), type, flags, 0, 0, 0, stream] + payload
    }

    /// Sockets of this size of message take all of it at once.
    private func write(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, 0) }
            guard count > 0 else { throw Failure(call: "send") }
            rest = rest.dropFirst(count)
        }
    }

    /// Sends a call's headers and one message on stream 1.
    func request(_ path: String, _ message: [UInt8], ends: Bool) throws {
        var headers: [UInt8] = []
        let fields = [
            (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "x"),
            ("content-type", "application/grpc"), ("te", "trailers"),
        ]
        for (name, value) in fields {
            // Literal, not indexed, not Huffman-coded.
            headers += [0, UInt8(name.utf8.count)] + Array(name.utf8) + [UInt8(value.utf8.count)] + Array(value.utf8)
        }
        var bytes = Self.frame(type: 1, flags: 4, stream: 1, headers)
        let count = message.count
        var rest = ([0, 0, UInt8(count >> 16), UInt8(count >> 8 & 255), UInt8(count & 255)] + message)[...]
        while !rest.isEmpty {
            bytes += Self.frame(type: 0, flags: 0, stream: 1, Array(rest.prefix(16_000)))
            rest = rest.dropFirst(16_000)
        }
        if ends { bytes += Self.frame(type: 0, flags: 1, stream: 1, []) }
        try write(bytes)
    }

    /// Reads until the stream has a frame of the kind: its first response bytes, or its end.
    func read(until isDone: (_ type: UInt8, _ flags: UInt8) -> Bool) async throws {
        while true {
            while unread.count >= 9 {
                let length = Int(unread[0]) << 16 | Int(unread[1]) << 8 | Int(unread[2])
                guard unread.count >= 9 + length else { break }
                let isFound = unread[8] == 1 && isDone(unread[3], unread[4])
                unread.removeFirst(9 + length)
                if isFound { return }
            }
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            let count = buffer.withUnsafeMutableBytes { recv(socket, $0.baseAddress, $0.count, Self.dontWait) }
            if count > 0 {
                unread += buffer[..<count]
            } else if count < 0, errno == EAGAIN {
                try await Task.sleep(for: .milliseconds(2))
            } else {
                throw Failure(call: "recv")
            }
        }
    }
}
