// SPDX-License-Identifier: Apache-2.0

/// What members agree on before they speak.
package enum PeerFormat {
    /// Of everything that goes between members. A member refuses peers of another: they must be of versions that speak
    /// a common one.
    package static let version: UInt64 = 1

    /// One gRPC message between members: a batch of Raft's messages, of which each but its last is at most one append.
    package static let messageBytesMax = 128 << 20

    /// Bytes of messages that go as one, about. A receiver acts on what is whole: while it syncs and answers the first,
    /// the next is on its way.
    package static let batchBytes = 2 << 20

    /// Bytes that wait for a peer's socket. Above it messages are dropped, as a network may drop them: Raft repeats
    /// what matters, and by its own limit has no more appends than this under way.
    package static let queuedBytesMax = 96 << 20
}

/// What a peer sent and nobody could mean.
package struct PeerFormatError: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}
