// SPDX-License-Identifier: Apache-2.0

/// The changes of some keys from a revision on, in order and without gaps.
///
/// A connection that breaks is replaced, on another endpoint if need be, and the watch goes on where it was: no event
/// is lost or comes twice. It ends with ``EtcdError/Code/compacted`` when what it needs next was compacted away, then
/// read the keys anew and watch from there; with `CancellationError` when the task is cancelled; and with other errors
/// only when the server refuses the watch.
///
/// Each iterator is a stream of its own.
public struct EtcdWatch: AsyncSequence, Sendable {
    /// The changes of one or more whole revisions.
    public struct Batch: Hashable, Sendable {
        /// The store's revision when the batch was made; without events, everything up to it has been delivered.
        public let revision: Int64
        /// Never parts of a revision; empty for a sign of life.
        public let events: [EtcdEvent]
    }

    public typealias Element = Batch

    let client: EtcdClient
    let keys: EtcdKeyRange
    let startRevision: Int64?
    let returnsPrevious: Bool
    let skipped: Set<EtcdEvent.Kind>

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(position: WatchPosition(self))
    }

    public struct AsyncIterator: AsyncIteratorProtocol {
        let position: WatchPosition

        public mutating func next() async throws -> Batch? { try await self.position.next() }
    }
}

extension EtcdClient {
    /// Watches keys.
    ///
    /// - Parameters:
    ///   - keys: Which keys.
    ///   - revision: The first revision whose changes are wanted; `nil` for those after the watch's start.
    ///   - returningPrevious: Whether events tell what was there before.
    ///   - skipping: Kinds of changes that aren't wanted; the server keeps them.
    public func watch(
        _ keys: EtcdKeyRange, from revision: Int64? = nil, returningPrevious: Bool = false,
        skipping: Set<EtcdEvent.Kind> = []
    ) -> EtcdWatch {
        EtcdWatch(
            client: self, keys: keys, startRevision: revision, returnsPrevious: returningPrevious, skipped: skipping)
    }
}
