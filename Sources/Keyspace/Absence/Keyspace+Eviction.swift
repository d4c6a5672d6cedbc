// SPDX-License-Identifier: Apache-2.0

package import MartletBasics
import MartletStreams

/// A block that is to be brought from the tables.
package struct WantedBlock: Hashable, Sendable {
    /// Its record.
    package let key: TableKey
    /// Where the record is if there is none of this key, the first that there is: of streams of which this is a copy.
    package let otherKeys: [TableKey]
    package let byteCount: Int
    let base: StreamID
    /// Of its stream.
    let place: Int

    /// The record's value.
    package func value<Failure: Error>(_ read: (TableKey) throws(Failure) -> [UInt8]?) throws(Failure) -> [UInt8]? {
        if let value = try read(key) { return value }
        for key in otherKeys {
            if let value = try read(key) { return value }
        }
        return nil
    }
}

/// What memory blocks take, for whoever asks.
package struct BlockMemory: Hashable, Sendable {
    /// `nil`: as much as they want.
    package var budgetBytes: Int?
    /// Bytes of blocks that could leave memory, about.
    package var evictableBytes: Int
    package var evictedCount: UInt64
    package var loadedCount: UInt64
}

extension Keyspace {
    package var blockMemory: BlockMemory {
        BlockMemory(
            budgetBytes: cache.budgetBytes, evictableBytes: cache.byteCount, evictedCount: cache.evictedCount,
            loadedCount: cache.loadedCount)
    }

    /// Whether blocks may be missing, so that whoever runs a command has to ask what it needs.
    @inline(__always)
    package var mayLackBlocks: Bool { streamConfiguration.isEvictable }

    /// About how many bytes of memory the next checkpoint takes for blocks that were written before and have changed
    /// since this was asked; 0 where blocks don't leave memory. A record that changes some of them says nothing of it.
    package mutating func takeRewrittenBytes() -> Int {
        defer { cache.rewrittenBytes = 0 }
        return cache.rewrittenBytes
    }

    /// Takes note of what has changed in the stream of a key.
    mutating func noteRewritten(_ place: Int, in database: Int) {
        guard case .stream(let stream) = databases[database][place].value else { return }
        cache.rewrittenBytes += streams[stream]!.takeRewrittenBytes()
    }

    /// Takes note that a checkpoint is in the tables.
    package mutating func endCheckpoint(_ checkpoint: KeyspaceCheckpoint) {
        cache.underway = [:]
        guard mayLackBlocks else { return }
        for written in checkpoint.streams where streamNumbers[written.place] == written.number {
            if written.checkpoint.hasBlockCopies { streams[written.place]?.endBorrowing() }
            for block in written.checkpoint.sealed {
                cache.noteWritten(.init(place: written.place, stream: written.number, block: block))
            }
        }
    }

    /// Adds a copy of a stream: it has a number of its own in checkpoints, which have to write all of it.
    mutating func addCopy(of place: Int) -> Int {
        guard var copy = streams[place] else { preconditionFailure("no stream \(place)") }
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
    package mutating func evictBlocks(reserving reserved: Int) -> Bool {
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
        guard item.place < streams.count, streams[item.place] != nil, streamNumbers[item.place] == item.stream,
            streams[item.place]!.canEvict(item.block.number, base: item.block.base),
            !cache.isUnderway(item.stream, item.block.base)
        else { return }
        if !item.isSpared, streams[item.place]!.isAboutToBeRead(base: item.block.base) {
            return cache.putBack(item)
        }
        _ = streams[item.place]!.evict(base: item.block.base)
        cache.evictedCount += 1
    }

    /// What became of a block that was brought.
    package enum Placing: Hashable, Sendable {
        /// It is there, or nobody wants it any more.
        case done
        /// It isn't the block that left.
        case different
    }

    /// Brings a block back.
    ///
    /// - Parameter value: its record in the tables.
    package mutating func place(_ wanted: WantedBlock, _ value: RawSpan) -> Placing {
        guard wanted.place < streams.count, streams[wanted.place] != nil,
            streamNumbers[wanted.place] == wanted.key.object
        else { return .done }
        switch streams[wanted.place]!.place(wanted.key.id, base: wanted.base, value) {
        case .placed:
            guard let block = streams[wanted.place]!.sealedBlock(base: wanted.base) else { return .done }
            cache.noteLoaded(.init(place: wanted.place, stream: wanted.key.object, block: block))
            cache.loadedCount += 1
            return .done
        case .notWanted: return .done
        case .different: return .different
        }
    }
}
