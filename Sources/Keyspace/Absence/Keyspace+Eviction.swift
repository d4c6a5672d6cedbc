// SPDX-License-Identifier: Apache-2.0

public import MartletBasics
import MartletStreams

/// A block that is to be brought from the tables.
public struct WantedBlock: Hashable, Sendable {
    /// Where its record is, the first that there is: its own place, and behind it those of the streams of which its
    /// stream is a copy.
    public let keys: [TableKey]
    public let byteCount: Int
    let base: StreamID
    /// Of its stream.
    let place: Int

    public var key: TableKey { keys[0] }
}

/// What memory blocks take, for whoever asks.
public struct BlockMemory: Hashable, Sendable {
    /// `nil`: as much as they want.
    public var budgetBytes: Int?
    /// Bytes of blocks that could leave memory, about.
    public var evictableBytes: Int
    public var evictedCount: UInt64
    public var loadedCount: UInt64
}

extension Keyspace {
    public var blockMemory: BlockMemory {
        BlockMemory(
            budgetBytes: cache.budgetBytes, evictableBytes: cache.byteCount, evictedCount: cache.evictedCount,
            loadedCount: cache.loadedCount)
    }

    /// Whether blocks may be missing, so that whoever runs a command has to ask what it needs.
    @inline(__always)
    public var mayLackBlocks: Bool { streamConfiguration.isEvictable }

    /// About how many bytes of memory the next checkpoint takes for blocks that were written before and have changed
    /// since this was asked; 0 where blocks don't leave memory. A record that changes some of them says nothing of it.
    public mutating func takeRewrittenBytes() -> Int {
        defer { cache.rewrittenBytes = 0 }
        return cache.rewrittenBytes
    }

    /// Takes note of what has changed in the stream of a key.
    mutating func noteRewritten(_ place: Int, in database: Int) {
        guard case .stream(let stream) = databases[database][place].value else { return }
        cache.rewrittenBytes += streams[stream].takeRewrittenBytes()
    }

    /// Takes note that a checkpoint is in the tables.
    public mutating func endCheckpoint(_ checkpoint: KeyspaceCheckpoint) {
        cache.underway = [:]
        guard mayLackBlocks else { return }
        for written in checkpoint.streams where streamNumbers[written.place] == written.number {
            if written.checkpoint.hasBlockCopies { streams[written.place].endBorrowing() }
            for block in written.checkpoint.sealed {
                cache.noteWritten(.init(place: written.place, stream: written.number, block: block))
            }
        }
    }

    /// Adds a copy of a stream: it has a number of its own in checkpoints, which have to write all of it.
    mutating func addCopy(of place: Int) -> Int {
        precondition(streamNumbers[place] != 0, "no stream \(place)")
        var copy = streams[place]
        let original = streamNumbers[place]
        let present = copy.becomeCopy(of: original) { !cache.isUnderway(original, $0) }
        let place = add(copy)
        for block in present { cache.noteLoaded(.init(place: place, stream: streamNumbers[place], block: block)) }
        return place
    }

    /// Blocks that one call looks at, at most: each takes some microseconds, and none may hold up others for long.
    private static let examinedPerCall = 128

    /// Lets blocks leave memory until they fit.
    ///
    /// - Parameter reserved: bytes of the budget that others take.
    /// - Returns: whether there is more to do.
    public mutating func evictBlocks(reserving reserved: Int) -> Bool {
        guard let budget = cache.budgetBytes else { return false }
        // However much others take, some room stays for what is read again and again.
        let limit = max(budget - reserved, budget / 4)
        for _ in 0..<Self.examinedPerCall {
            guard let item = cache.next(limit: limit) else { return false }
            evict(item)
        }
        return cache.byteCount > limit
    }

    private mutating func evict(_ item: BlockCache.Item) {
        guard hasStream(item.place, number: item.stream),
            ask(item.place, { $0.canEvict(item.block.number, base: item.block.base) }),
            !cache.isUnderway(item.stream, item.block.base)
        else { return }
        if !item.isSpared, ask(item.place, { $0.isAboutToBeRead(base: item.block.base) }) {
            return cache.putBack(item)
        }
        _ = streams[item.place].evict(base: item.block.base)
        cache.evictedCount += 1
    }

    /// What became of a block that was brought.
    public enum Placing: Hashable, Sendable {
        /// It is there, or nobody wants it any more.
        case done
        /// It isn't the block that left.
        case different
    }

    /// Brings a block back.
    ///
    /// - Parameter value: its record in the tables.
    public mutating func place(_ wanted: WantedBlock, _ value: RawSpan) -> Placing {
        guard hasStream(wanted.place, number: wanted.key.object) else { return .done }
        switch streams[wanted.place].place(wanted.key.id, base: wanted.base, value) {
        case .placed:
            guard let block = streams[wanted.place].sealedBlock(base: wanted.base) else { return .done }
            cache.noteLoaded(.init(place: wanted.place, stream: wanted.key.object, block: block))
            cache.loadedCount += 1
            return .done
        case .notWanted: return .done
        case .different: return .different
        }
    }
}
