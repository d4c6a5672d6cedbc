// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Batches of commands in Redis's protocol that somebody else has made, over some connections in one thread: each sends
/// one, and the next when all replies to it are there.
///
/// Replies are told apart by their lines: each batch is said to have so many. A line that begins with a minus sign, a
/// null, an empty array or a 0 is none that anything measured may be answered with.
struct Replay {
    private struct Connection {
        let descriptor: Int32
        var missingLines = 0
        /// The first bytes of the line that is coming, and how many there are.
        var head: UInt32 = 0
        var headCount = 0
    }

    private let bytes: [UInt8]
    private var offset = 0
    private var connections: [Connection]
    private var input = [UInt8](repeating: 0, count: 1 << 18)

    /// - Parameter bytes: of each batch how many bytes it has and how many lines its replies, both as big-endian
    ///   numbers of 32 bits; then its bytes.
    init(_ bytes: [UInt8], port: Int, connections: Int) {
        self.bytes = bytes
        self.connections = (0..<connections).map { _ in Connection(descriptor: connectedSocket(port: port)) }
    }

    /// Returns when the last batch is answered.
    mutating func run() {
        var polls = self.connections.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
        var busy = 0
        for place in self.connections.indices where self.begin(place) { busy += 1 }
        while busy > 0 {
            poll(&polls, nfds_t(polls.count), -1)
            for place in polls.indices where polls[place].revents != 0 {
                self.receive(place)
                if self.connections[place].missingLines == 0, !self.begin(place) { busy -= 1 }
            }
        }
    }

    /// - Returns: whether there was a batch.
    private mutating func begin(_ place: Int) -> Bool {
        guard self.offset < self.bytes.count else { return false }
        let (count, lines) = (self.number(), self.number())
        let end = self.offset + count
        guard end <= self.bytes.count, lines > 0 else { fail("a batch is cut short") }
        self.connections[place].missingLines = lines
        while self.offset < end {
            let sent = self.bytes[self.offset..<end].withUnsafeBytes {
                send(self.connections[place].descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if sent > 0 { self.offset += sent } else { self.waitForRoom(place) }
        }
        return true
    }

    private func waitForRoom(_ place: Int) {
        guard errno == EAGAIN else { fail("the server has closed a connection") }
        var one = pollfd(fd: self.connections[place].descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&one, 1, -1)
    }

    private mutating func number() -> Int {
        guard self.offset + 4 <= self.bytes.count else { fail("a batch is cut short") }
        defer { self.offset += 4 }
        return self.bytes[self.offset..<self.offset + 4].reduce(0) { $0 << 8 | Int($1) }
    }

    private mutating func receive(_ place: Int) {
        var connection = self.connections[place]
        let count = recv(connection.descriptor, &self.input, self.input.count, 0)
        if count < 0, errno == EAGAIN { return }
        guard count > 0 else { fail("the server has closed a connection") }
        for byte in self.input[..<count] {
            if byte == UInt8(ascii: "\n") {
                connection.missingLines -= 1
                (connection.head, connection.headCount) = (0, 0)
            } else if connection.headCount < 3 {
                connection.head = connection.head << 8 | UInt32(byte)
                connection.headCount += 1
                if Self.bad.contains(connection.head) { fail("an empty reply or an error: \(self.text(count))") }
            }
        }
        guard connection.missingLines >= 0 else { fail("more than was asked for: \(self.text(count))") }
        self.connections[place] = connection
    }

    private static let bad: [UInt32] = ["-", "$-1", "*-1", "*0\r", ":0\r"].map { (word: String) in
        word.utf8.reduce(0) { $0 << 8 | UInt32($1) }
    }

    private func text(_ count: Int) -> String { String(decoding: self.input.prefix(min(count, 200)), as: UTF8.self) }
}
