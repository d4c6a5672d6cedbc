// SPDX-License-Identifier: Apache-2.0

/// Messages of one stream, each in its frame, in one piece of memory: what is sent together costs the stream one piece
/// to queue and the connection one DATA frame.
package struct MessageBatch: Sendable {
    private(set) var framed: [UInt8] = []
    private(set) var largest = 0
    package private(set) var count = 0

    package init() {}

    package var isEmpty: Bool { self.framed.isEmpty }
    /// Of all messages, their frames included.
    package var byteCount: Int { self.framed.count }

    /// Adds a message that `write` appends to the bytes it gets; it must be as long as it was said to be.
    package mutating func append(byteCount: Int, _ write: (inout [UInt8]) -> Void) {
        let prefix = MessageFraming.prefix(length: byteCount, isCompressed: false)
        for place in 0..<MessageFraming.headerBytes {
            self.framed.append(UInt8(truncatingIfNeeded: prefix >> UInt64(place * 8)))
        }
        let begin = self.framed.count
        write(&self.framed)
        precondition(
            self.framed.count - begin == byteCount, "\(self.framed.count - begin) bytes instead of \(byteCount)")
        self.largest = max(self.largest, byteCount)
        self.count += 1
    }

    package mutating func append(_ message: [UInt8]) {
        self.append(byteCount: message.count) { $0.append(contentsOf: message) }
    }

    /// Copies, one by one.
    package var messages: [[UInt8]] {
        var messages: [[UInt8]] = []
        var rest = self.framed[...]
        while !rest.isEmpty {
            let length = rest.dropFirst().prefix(4).reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(MessageFraming.headerBytes)
            messages.append(Array(rest.prefix(length)))
            rest = rest.dropFirst(length)
        }
        return messages
    }
}
