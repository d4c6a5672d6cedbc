// SPDX-License-Identifier: Apache-2.0

import MartletBoltFile
import Testing

@Suite struct ReaderTests {
    @Test func nestedAndInlineBuckets() throws {
        var builder = FileBuilder()
        let inline = FileBuilder.bucketValue(root: 0, sequence: 9) + FileBuilder.leaf(0, [(0, "x", bytes("1"))])
        let inner = FileBuilder.bucketValue(root: 0) + FileBuilder.leaf(0, [(1, "c", inline), (0, "d", bytes("2"))])
        builder.add(FileBuilder.leaf(3, [(1, "a", inner), (1, "b", FileBuilder.bucketValue(root: 4, sequence: 5))]))
        builder.add(FileBuilder.leaf(4, [(0, "k", bytes("v"))]))
        let image = BoltMemoryImage(builder.file())
        #expect(
            try read(image) == [
                Bucket(name: bytes("a"), entries: [Entry(key: bytes("d"), value: bytes("2"))]),
                Bucket(name: bytes("ac"), entries: [Entry(key: bytes("x"), value: bytes("1"))]),
                Bucket(name: bytes("b"), entries: [Entry(key: bytes("k"), value: bytes("v"))]),
            ])
        let reader = try BoltReader(image)
        #expect(try reader.bucket(named: bytes("b"))?.sequence == 5)
        #expect(try reader.bucket(named: bytes("none")) == nil)
        #expect(reader.meta.freeListPage == nil)
    }

    @Test(arguments: [1024, 4096, 16_384, 65_536]) func otherPageSizes(_ size: Int) throws {
        var builder = FileBuilder(pageSize: size)
        builder.add(FileBuilder.leaf(3, [(1, "b", FileBuilder.bucketValue(root: 4))]))
        builder.add(FileBuilder.leaf(4, overflow: 1, [(0, "k", Array(repeating: 5, count: size))]))
        var file = builder.file()
        let entry = Entry(key: bytes("k"), value: Array(repeating: 5, count: size))
        let expected = [Bucket(name: bytes("b"), entries: [entry])]
        #expect(try read(file) == expected)
        // The second meta alone tells the size as well.
        file[20] ^= 1
        #expect(try read(file) == expected)
        file[size + 20] ^= 1
        #expect(readError(file)?.code == .notBolt)
    }

    /// The higher transaction counts; the other one where its meta is damaged.
    @Test func newestMetaCounts() throws {
        var builder = FileBuilder()
        builder.add(FileBuilder.leaf(3, [(1, "old", FileBuilder.bucketValue(root: 5))]))
        builder.add(FileBuilder.leaf(4, [(1, "new", FileBuilder.bucketValue(root: 5))]))
        builder.add(FileBuilder.leaf(5, [(0, "k", [])]))
        var file = builder.file()
        for (page, root, transaction) in [(0, 4, 12), (1, 3, 11)] {
            let meta = FileBuilder.meta(page: page, pageSize: 4096, root: root, pageCount: 6, transaction: transaction)
            file.replaceSubrange(page * 4096..<page * 4096 + meta.count, with: meta)
        }
        #expect(try read(file).map(\.name) == [bytes("new")])
        #expect(try BoltReader(BoltMemoryImage(file)).meta.transaction == 12)
        file[60] ^= 1
        #expect(try read(file).map(\.name) == [bytes("old")])
        file[60] ^= 1
        file[4096 + 60] ^= 1
        #expect(try read(file).map(\.name) == [bytes("new")])
    }

    @Test func whatIsNoBoltFile() {
        #expect(readError([])?.code == .notBolt)
        #expect(readError(Array(repeating: 0, count: 100_000))?.code == .notBolt)
        var builder = FileBuilder()
        builder.add(FileBuilder.leaf(3, []))
        var file = builder.file()
        for page in 0...1 {
            let meta = FileBuilder.meta(page: page, pageSize: 4096, pageCount: 4, transaction: 1, version: 3)
            file.replaceSubrange(page * 4096..<page * 4096 + meta.count, with: meta)
        }
        #expect(readError(file)?.code == .notBolt)
    }

    @Test func aCutFileIsNamed() throws {
        let (file, _) = try write([Bucket(name: bytes("b"), entries: [Entry(key: bytes("k"), value: bytes("v"))])])
        let error = readError(Array(file.dropLast()))
        #expect(error?.code == .truncated)
        #expect(error?.message == "counts 5 pages of 4096 bytes, but the file has 20479 bytes")
        #expect(try read(file + [1, 2, 3]).count == 1)
    }

    @Test func limitsAreKept() throws {
        let entry = Entry(key: bytes("k"), value: Array(repeating: 1, count: 100_000))
        let (file, _) = try write([Bucket(name: bytes("b"), entries: [entry])])
        var limits = BoltLimits()
        limits.pageBytes = 100_000
        #expect(readError(file, limits: limits)?.code == .tooLarge)
        limits = BoltLimits()
        limits.pages = 10
        #expect(readError(file, limits: limits)?.code == .tooLarge)
        limits = BoltLimits()
        limits.depth = 1
        #expect(readError(file, limits: limits) == nil)
        let many = (1000..<2000).map { Entry(key: bytes("\($0)"), value: []) }
        let (tall, _) = try write([Bucket(name: bytes("b"), entries: many)])
        #expect(readError(tall, limits: limits)?.code == .tooLarge)
    }

    @Test func imageThatReadsShort() {
        struct Short: BoltImage {
            var base: BoltMemoryImage
            var byteCount: UInt64 { base.byteCount }

            func read(offset: UInt64, count: Int) throws(BoltFileError) -> [UInt8] {
                offset < 4096 ? try base.read(offset: offset, count: count) : []
            }
        }
        var builder = FileBuilder()
        builder.add(FileBuilder.leaf(3, []))
        let error = #expect(throws: BoltFileError.self) {
            _ = try read(Short(base: BoltMemoryImage(builder.file())))
        }
        #expect(error?.code == .readFailed)
    }
}
