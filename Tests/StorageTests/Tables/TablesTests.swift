// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletBasics
import MartletProcesses
import MartletStorage
import MartletTestPrograms
import Testing

@Suite struct TablesTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func open(_ change: (inout Tables.Configuration) -> Void = { _ in }) throws -> Tables {
        var configuration = Tables.Configuration()
        change(&configuration)
        return try Tables(path: folder.file(), tables: [plain, other], configuration: configuration)
    }

    @Test func whatIsWrittenIsThereAfterReopening() throws {
        let long = (0..<20_000).map { UInt8(truncatingIfNeeded: $0) }
        var batch = TableBatch()
        batch.put(TableKey(plain, object: 5, id: 1)) { $0 += [1, 2, 3] }
        batch.put(TableKey(plain, object: 5, id: 0)) { _ in }
        batch.put(TableKey(plain, object: .max, id: .max)) { $0 += long }
        batch.put(TableKey(other, object: 5, id: 1)) { $0.append(9) }
        batch.put(TableKey(plain, object: 256, id: 1)) { $0.append(4) }
        batch.remove(TableKey(plain, object: 256, id: 1))
        batch.remove(TableKey(plain, object: 77))
        #expect(batch.count == 7 && batch.byteCount == 20_005)
        let expected: [TableKey: [UInt8]] = [
            TableKey(plain, object: 5, id: 1): [1, 2, 3], TableKey(plain, object: 5): [],
            TableKey(plain, object: .max, id: .max): long,
        ]
        var tables = try open()
        try tables.write(batch)
        #expect(try tables.contents(of: plain) == expected)
        tables.close()
        tables = try open()
        #expect(try tables.contents(of: plain) == expected)
        #expect(try tables.value(of: TableKey(other, object: 5, id: 1)) == [9])
        #expect(try tables.value(of: TableKey(other, object: 5, id: 2)) == nil)
        #expect(try tables.statistics().recordCount == 4)
    }

    /// Against a dictionary, with keys that rise and keys that don't.
    @Test func agreesWithADictionary() throws {
        var random = SeededRandom(seed: 20_261_121)
        var twin: [TableKey: [UInt8]] = [:]
        let tables = try open()
        for _ in 0..<60 {
            try tables.write { writer in
                for _ in 0..<Int.random(in: 0..<80, using: &random) {
                    let key = TableKey(
                        Bool.random(using: &random) ? plain : other, object: .random(in: 0..<8, using: &random),
                        id: UInt64.random(in: 0..<60, using: &random) << UInt64.random(in: 0..<50, using: &random))
                    if Int.random(in: 0..<3, using: &random) == 0 {
                        #expect(try writer.remove(key) == (twin[key] != nil))
                        twin[key] = nil
                    } else {
                        let count = Int.random(in: 0..<600, using: &random)
                        let value = [UInt8](repeating: .random(in: 0...9, using: &random), count: count)
                        try writer.put(key, value)
                        twin[key] = value
                    }
                }
            }
        }
        for table in [plain, other] {
            let wanted = twin.filter { $0.key.table == table }
            #expect(try tables.contents(of: table) == wanted)
            // In order, and from any place on.
            let first = TableKey(table, object: 3, id: 100)
            let keys = try tables.read(until: nil) { reader in
                var keys: [TableKey] = []
                try reader.forEach(in: table, from: first) { key, _ in
                    keys.append(key)
                    return keys.count < 20
                }
                return keys
            }
            #expect(keys == Array(wanted.keys.filter { $0 >= first }.sorted().prefix(20)))
        }
    }

    @Test func aReadSeesOneState() throws {
        let tables = try open()
        let key = TableKey(plain, object: 1)
        try tables.write { writer in try writer.put(key, [1]) }
        try tables.read(until: nil) { reader in
            try tables.write { writer in try writer.put(key, [2]) }
            #expect(try reader.value(of: key) == [1])
        }
        #expect(try tables.value(of: key) == [2])
    }

    @Test func aWriteThatThrowsWritesNothing() throws {
        struct Stop: Error {}
        let tables = try open()
        #expect(throws: Stop.self) {
            try tables.write { writer in
                try writer.put(TableKey(plain, object: 1), [1])
                throw Stop()
            }
        }
        #expect(try tables.contents(of: plain).isEmpty)
        try tables.write { writer in try writer.put(TableKey(plain, object: 2), [1]) }
        #expect(try tables.contents(of: plain).count == 1)
    }

    @Test func rowsOfRisingKeysFillTheirPages() throws {
        let tables = try open()
        let count: UInt64 = 20_000
        try tables.write { writer in
            let value = [UInt8](repeating: 1, count: 160)
            for object in 0..<count { try writer.put(TableKey(plain, object: object), value) }
        }
        let statistics = try tables.statistics()
        // 160 of value, 16 of key, 4 of checksum, 10 of LMDB's own: 21 records a page of 4,080.
        #expect(statistics.liveBytes < Int(count) * 205)
        #expect(statistics.fileBytes >= statistics.liveBytes)
    }

    // MARK: No room

    @Test func aFullMapIsAnErrorAndThenGrows() throws {
        let tables = try open { $0.mapBytes = 1 << 20 }
        try tables.write { writer in try writer.put(TableKey(other, object: 1), [7]) }
        let value = [UInt8](repeating: 5, count: 1000)
        let fill = { () throws in
            try tables.write { writer in
                for object in 0..<2000 as Range<UInt64> { try writer.put(TableKey(plain, object: object), value) }
            }
        }
        for _ in 0..<3 { #expect(throws: TablesError.mapFull) { try fill() } }
        #expect(try tables.contents(of: plain).isEmpty)
        #expect(try tables.value(of: TableKey(other, object: 1)) == [7])
        try tables.write { writer in try writer.put(TableKey(other, object: 2), [8]) }
        try tables.growMap(toBytes: 8 << 20)
        try fill()
        #expect(try tables.contents(of: plain).count == 2000)
        #expect(try tables.contents(of: other).count == 2)
        #expect(try tables.statistics().mapBytes == 8 << 20)
    }

    @Test func aFullDiskIsAnErrorAndThenGoesOn() async throws {
        let child = try Child("fill", folder.file(), output: folder.file("output"))
        #expect(await child.end() == .code(0))
        #expect(child.lines == ["full after true", "whole true", "whole true", "whole true", "again true"])
        let tables = try open()
        #expect(try tables.contents(of: plain).count % 200 == 0)
    }

    // MARK: Damage

    @Test func aDamagedValueIsNamed() throws {
        var tables = try open()
        let marker: [UInt8] = Array("a value to be damaged".utf8)
        let damaged = TableKey(plain, object: 50, id: 3)
        try tables.write { writer in
            for object in 0..<100 as Range<UInt64> { try writer.put(TableKey(plain, object: object, id: 3), [1]) }
            try writer.put(damaged, marker)
        }
        tables.close()
        var broken = marker
        broken[5] ^= 1
        #expect(try replaceBytes(of: folder.file(), marker, with: broken) > 0)
        tables = try open()
        #expect(throws: TablesError.damagedValue(damaged)) { try tables.value(of: damaged) }
        #expect(throws: TablesError.damagedValue(damaged)) { try tables.contents(of: plain) }
        #expect(try tables.value(of: TableKey(plain, object: 51, id: 3)) == [1])
        for limit in [1, 7, 1000] {
            var scrub = TablesScrub()
            var steps = 0
            while !scrub.isComplete {
                try tables.scrub(&scrub, limit: limit, until: nil)
                steps += 1
            }
            // The format's own record counts too.
            #expect(scrub.checked == 101 && scrub.damaged == [damaged])
            #expect(steps == (101 + limit - 1) / limit)
        }
        // Written anew it is whole.
        try tables.write { writer in try writer.put(damaged, [2]) }
        #expect(try tables.value(of: damaged) == [2])
    }

    @Test func aValueUnderAnothersKeyIsDamage() throws {
        var tables = try open()
        try tables.write { writer in try writer.put(TableKey(plain, object: 0x1122_3344_5566_7788, id: 1), [1]) }
        tables.close()
        try replaceBytes(
            of: folder.file(), [0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88],
            with: [0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x89])
        tables = try open()
        let moved = TableKey(plain, object: 0x1122_3344_5566_7789, id: 1)
        #expect(throws: TablesError.damagedValue(moved)) { try tables.contents(of: plain) }
    }

    @Test func otherFilesAreRefused() throws {
        try Data("this is no LMDB file, though it is longer than a page's head".utf8)
            .write(to: URL(filePath: folder.file()))
        #expect {
            try open()
        } throws: { error in
            if case TablesError.damagedFile = error { true } else { false }
        }
        var readOnly = Tables.Configuration()
        readOnly.isReadOnly = true
        #expect(throws: TablesError.system(operation: "opening \(folder.file("absent"))", code: ENOENT)) {
            try Tables(path: folder.file("absent"), tables: [plain], configuration: readOnly)
        }
    }

    @Test func anUnknownFormatIsRefused() throws {
        let tables = try open()
        tables.close()
        // The version with its checksum before and after: 1 and 2.
        let key = [UInt8](repeating: 0, count: 17)
        let old = record(key, [1, 0, 0, 0])
        let new = record(key, [2, 0, 0, 0])
        #expect(try replaceBytes(of: folder.file(), old, with: new) > 0)
        #expect(throws: TablesError.unsupportedFormat(2)) { try open() }
        try replaceBytes(of: folder.file(), new, with: [0, 0, 0, 0, 2, 0, 0, 0])
        #expect(throws: TablesError.damagedValue(TableKey(TableID(0), object: 0))) { try open() }
    }

    /// A stored value: CRC-32C of table, key and payload, bit by bit, then the payload.
    private func record(_ key: [UInt8], _ payload: [UInt8]) -> [UInt8] {
        var crc: UInt32 = .max
        for byte in key + payload {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = (crc >> 1) ^ (crc & 1 == 1 ? 0x82F6_3B78 : 0) }
        }
        return withUnsafeBytes(of: (~crc).littleEndian) { [UInt8]($0) } + payload
    }

    // MARK: Readers

    @Test func aReadEndsAtItsDeadline() throws {
        let tables = try open()
        try tables.write { writer in
            for object in 0..<1000 as Range<UInt64> { try writer.put(TableKey(plain, object: object), [1]) }
        }
        #expect(throws: TablesError.readerExpired) {
            _ = try tables.read(until: .now) { reader in try reader.value(of: TableKey(plain, object: 1)) }
        }
        // The first value must be reached before it passes, also where this thread is held up.
        let deadline = ContinuousClock.now + .seconds(1)
        var seen = 0
        #expect(throws: TablesError.readerExpired) {
            try tables.read(until: deadline) { reader in
                try reader.forEach(in: plain) { _, _ in
                    while ContinuousClock.now < deadline {}
                    seen += 1
                    return true
                }
            }
        }
        #expect(seen > 0 && seen < 1000)
        #expect(try tables.contents(of: plain).count == 1000)
    }

    @Test func tooManyReadsAreRefused() throws {
        let tables = try open { $0.maximumReaders = 2 }
        let refused: TablesError? = try tables.read(until: nil) { _ in
            try tables.read(until: nil) { _ in
                do {
                    try tables.read(until: nil) { _ in }
                    return nil
                } catch let error as TablesError {
                    return error
                }
            }
        }
        #expect(refused == .tooManyReaders)
        try tables.read(until: nil) { _ in }
    }

    @Test func readOnlyTablesAreNotWritten() throws {
        try open().close()
        let tables = try open { $0.isReadOnly = true }
        #expect(try tables.contents(of: plain).isEmpty)
        #expect(throws: TablesError.self) {
            try tables.write { writer in try writer.put(TableKey(plain, object: 1), [1]) }
        }
    }

    // MARK: Room

    @Test func rewritingGivesRoomBack() throws {
        var tables = try open { $0.maximumWaitForReaders = .milliseconds(20) }
        let value = [UInt8](repeating: 3, count: 4000)
        try tables.write { writer in
            for object in 0..<6000 as Range<UInt64> { try writer.put(TableKey(plain, object: object), value) }
        }
        #expect(try !tables.statistics().wantsRewrite)
        try tables.write { writer in
            for object in 0..<5500 as Range<UInt64> { try writer.remove(TableKey(plain, object: object)) }
        }
        let before = try tables.statistics()
        #expect(before.wantsRewrite && before.freePages > 5000 && before.fileBytes > 24_000_000)
        let kept = try tables.contents(of: plain)
        // A read that stays keeps the old file in place.
        try tables.read(until: nil) { reader in
            #expect(throws: TablesError.readersStayed) { try tables.rewrite() }
            let count = try reader.count(of: plain)
            #expect(count == 500)
        }
        #expect(try tables.statistics() == before)
        try tables.rewrite()
        let after = try tables.statistics()
        #expect(after.fileBytes < 3_000_000 && after.liveBytes <= after.fileBytes && !after.wantsRewrite)
        #expect(after.recordCount == 500)
        #expect(try tables.contents(of: plain) == kept)
        try tables.write { writer in try writer.put(TableKey(other, object: 1), [1]) }
        tables.close()
        // A crash in the middle leaves a copy that nobody wants.
        try Data([1, 2, 3]).write(to: URL(filePath: folder.file("tables.rewrite")))
        tables = try open()
        #expect(!FileManager.default.fileExists(atPath: folder.file("tables.rewrite")))
        #expect(try tables.contents(of: plain) == kept)
        #expect(try tables.contents(of: other).count == 1)
    }

    @Test func openedAnewAllIsThere() throws {
        let tables = try open { $0.maximumWaitForReaders = .milliseconds(20) }
        try tables.write { writer in try writer.put(TableKey(plain, object: 1), [1]) }
        try tables.read(until: nil) { reader in
            #expect(throws: TablesError.readersStayed) { try tables.reopen() }
            let count = try reader.count(of: plain)
            #expect(count == 1)
        }
        try tables.reopen()
        try tables.write { writer in try writer.put(TableKey(plain, object: 2), [2]) }
        try tables.reopen()
        #expect(try tables.contents(of: plain).count == 2)
    }

    @Test func overwritingDoesNotGrowTheFile() throws {
        let tables = try open()
        var random = SeededRandom(seed: 5)
        func overwrite(_ rounds: Int) throws {
            for _ in 0..<rounds {
                try tables.write { writer in
                    for _ in 0..<100 {
                        let object = UInt64.random(in: 0..<2000, using: &random)
                        try writer.put(TableKey(plain, object: object), [UInt8](repeating: 1, count: 500))
                    }
                }
            }
        }
        try overwrite(150)
        let early = try tables.statistics().fileBytes
        try overwrite(150)
        let late = try tables.statistics().fileBytes
        #expect(late < early * 3 / 2)
    }

    // MARK: Crashes

    /// A process that is killed at any moment leaves a transaction whole or not at all, and no earlier one is lost.
    @Test func aKilledWriterLeavesWholeTransactions() async throws {
        for round in 1...5 {
            let path = folder.file("tables\(round)")
            let child = try Child("commit", path, output: folder.file("output\(round)"))
            while child.lines.count < 10 * round {
                try await Task.sleep(for: .milliseconds(2))
            }
            child.kill()
            _ = await child.end()
            let said = child.lines.last.flatMap { UInt64($0) } ?? 0
            let tables = try Tables(path: path, tables: [plain])
            let records = try tables.contents(of: plain)
            let numbers = records.keys.filter { $0.object == 1000 }.map(\.id).sorted()
            let last = try #require(numbers.last)
            #expect(numbers == Array(1...last))
            // One more than was said may be there: killed between commit and word.
            #expect(last == said || last == said + 1)
            let values = Set(records.filter { $0.key.object < 1000 }.map { $0.value })
            #expect(values == [[UInt8](repeating: UInt8(truncatingIfNeeded: last), count: 300)])
            var scrub = TablesScrub()
            try tables.scrub(&scrub, limit: .max / 2, until: nil)
            #expect(scrub.isComplete && scrub.damaged.isEmpty)
            tables.close()
        }
    }
}
