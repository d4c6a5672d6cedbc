// SPDX-License-Identifier: Apache-2.0

import Dispatch
import MartletBasics
import MartletKeyspace
import MartletReplica
import MartletStorage
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Reads blocks of streams that have left memory from the tables, on a thread of its own.
final class BlockReader: Sendable {
    private let tables: Tables
    private let queue = DispatchQueue(label: "martlet-blocks")
    private let mailbox: MemberMailbox
    private let isFinished = Atomic(false)

    init(tables: Tables, mailbox: MemberMailbox) {
        self.tables = tables
        self.mailbox = mailbox
    }

    /// Returns at once; `Mail.blocks` follows, unless the reader has finished by then.
    func read(_ order: BlockOrder) {
        queue.async { [self] in
            if let loaded = result(of: order) { mailbox.post { $0.blocks.append(loaded) } }
        }
    }

    /// Blocks that one look at the tables reads: a look must end before it holds up the file's reuse.
    private static let blocksPerRead = 512
    /// How often a read is tried that fails for a while, and how long between: some seconds in all. Others read, or the
    /// file is being replaced.
    private static let attemptsMax = 60
    private static let pauseMicroseconds: UInt32 = 50_000

    private func result(of order: BlockOrder) -> LoadedBlocks? {
        var values: [[UInt8]?] = []
        values.reserveCapacity(order.blocks.count)
        var attempts = 0
        while values.count < order.blocks.count {
            if isFinished.load(ordering: .relaxed) { return nil }
            let part = order.blocks[values.count...].prefix(Self.blocksPerRead)
            do {
                values += try tables.read(until: .now + Tables.maximumReadDuration) { reader in
                    defer { tables.notePassed(part.count) }
                    var read: [[UInt8]?] = []
                    for block in part {
                        read.append(try block.keys.firstValue { key throws(TablesError) in try reader.value(of: key) })
                    }
                    return read
                }
                attempts = 0
            } catch TablesError.damagedValue(let key) {
                return LoadedBlocks(order: order.number, damaged: key)
            } catch {
                attempts += 1
                if attempts == Self.attemptsMax {
                    return LoadedBlocks(order: order.number, damaged: part[part.startIndex].key)
                }
                // The queue is this reader's own: nobody else waits.
                usleep(Self.pauseMicroseconds)
            }
        }
        return LoadedBlocks(order: order.number, values: values)
    }

    /// Calls `body` when nothing is being read any more, on the reader's thread. Nothing is read after it.
    func finish(_ body: @escaping @Sendable () -> Void) {
        isFinished.store(true, ordering: .relaxed)
        queue.async(execute: body)
    }
}
