// SPDX-License-Identifier: Apache-2.0

/// gRPC's message framing: one flag byte (1 = compressed), the length as a big-endian `UInt32`, the message.
///
/// Source: gRPC over HTTP/2, Length-Prefixed-Message.
package enum MessageFraming {
    package static let headerBytes = 5

    /// The five header bytes, lowest byte first, as `OutboundBody.append` takes them.
    static func prefix(length: Int, isCompressed: Bool) -> UInt64 {
        let length = UInt64(UInt32(length).byteSwapped)
        return (isCompressed ? 1 : 0) | length << 8
    }
}

/// Puts messages together from the pieces in which they arrive.
package struct MessageAssembler {
    package struct Message {
        package var isCompressed: Bool
        package var bytes: [UInt8]
    }

    /// Bytes of a message for which room is made before they have arrived; a peer must not make us allocate by a
    /// length it only claims.
    static let reservedBytes = 64 << 10

    private let maximumBytes: Int
    private var header: UInt64 = 0
    private var headerCount = 0
    private var remaining = 0
    private var body: [UInt8] = []

    package init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
    }

    /// Bytes held of a message that has begun and not ended.
    ///
    /// A number of its own: whoever asked the array would share it for a moment, and the next piece would copy it.
    package private(set) var bufferedBytes = 0
    /// Whether a message has begun and not ended.
    package var isInMessage: Bool { self.headerCount > 0 }

    /// Takes the next message out of `input`, or everything when it does not complete one.
    ///
    /// - Throws: status 8 for a message above the limit, 13 for a flag byte that is neither 0 nor 1.
    package mutating func next(_ input: inout UnsafeRawBufferPointer) throws(GRPCStatus) -> Message? {
        while self.headerCount < MessageFraming.headerBytes {
            guard let byte = input.first else { return nil }
            // The last message's header must not show through in this one's flag.
            self.header = (self.headerCount == 0 ? 0 : self.header << 8) | UInt64(byte)
            self.headerCount += 1
            input = UnsafeRawBufferPointer(rebasing: input[1...])
            if self.headerCount == MessageFraming.headerBytes { try self.begin() }
        }
        let piece = UnsafeRawBufferPointer(rebasing: input[..<min(self.remaining, input.count)])
        input = UnsafeRawBufferPointer(rebasing: input[piece.count...])
        self.remaining -= piece.count
        if self.remaining == 0, self.body.isEmpty {
            defer { self.headerCount = 0 }
            return Message(isCompressed: self.header >> 32 == 1, bytes: [UInt8](piece))
        }
        if self.body.isEmpty {
            self.body.reserveCapacity(min(piece.count + self.remaining, max(piece.count, Self.reservedBytes)))
        }
        self.body.append(contentsOf: piece)
        self.bufferedBytes += piece.count
        guard self.remaining == 0 else { return nil }
        defer {
            self.headerCount = 0
            self.body = []
            self.bufferedBytes = 0
        }
        return Message(isCompressed: self.header >> 32 == 1, bytes: self.body)
    }

    private mutating func begin() throws(GRPCStatus) {
        let flag = self.header >> 32
        guard flag <= 1 else {
            throw GRPCStatus(.internalError, "grpc: received unexpected payload format \(flag)")
        }
        self.remaining = Int(self.header & 0xffff_ffff)
        guard self.remaining <= self.maximumBytes else {
            throw GRPCStatus(
                .resourceExhausted,
                "grpc: received message larger than max (\(self.remaining) vs. \(self.maximumBytes))")
        }
    }
}
