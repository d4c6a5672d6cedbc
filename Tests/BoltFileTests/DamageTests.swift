// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletBoltFile
import Testing

/// Damaged and hostile files: a typed error with page and reason, never a trap, never an endless walk.
@Suite struct DamageTests {
    struct Damage: Sendable, CustomStringConvertible {
        var description: String
        var page: UInt64
        /// Pages from 4 on; the bucket's root is page 4.
        var pages: [[UInt8]]
    }

    static let damages: [Damage] = [
        Damage(description: "points at itself", page: 4, pages: [branch(4, [("a", 4), ("b", 5)]), leaf(5, ["b"])]),
        Damage(
            description: "same child twice", page: 5,
            pages: [branch(4, [("a", 5), ("b", 5)]), leaf(5, ["a"])]),
        Damage(
            description: "circle of branches", page: 4,
            pages: [branch(4, [("a", 5), ("b", 6)]), branch(5, [("a", 4), ("aa", 6)]), leaf(6, ["b"])]),
        Damage(description: "child is a meta", page: 1, pages: [branch(4, [("a", 1), ("b", 5)]), leaf(5, ["b"])]),
        Damage(
            description: "child beyond the file", page: 99, pages: [branch(4, [("a", 99), ("b", 5)]), leaf(5, ["b"])]),
        Damage(
            description: "child number at the top", page: .max,
            pages: [branch(4, [("a", -1), ("b", 5)]), leaf(5, ["b"])]),
        Damage(description: "wrong page number", page: 4, pages: [leaf(5, ["a"])]),
        Damage(description: "unknown kind", page: 4, pages: [FileBuilder.page(4, kind: 8, count: 0, [])]),
        Damage(description: "both kinds", page: 4, pages: [FileBuilder.page(4, kind: 3, count: 0, [])]),
        Damage(description: "branch without children", page: 4, pages: [branch(4, [])]),
        Damage(description: "too many elements", page: 4, pages: [FileBuilder.page(4, kind: 2, count: 65_535, [])]),
        Damage(description: "keys fall", page: 4, pages: [leaf(4, ["b", "a"])]),
        Damage(description: "key twice", page: 4, pages: [leaf(4, ["a", "a"])]),
        Damage(description: "empty key", page: 4, pages: [leaf(4, [""])]),
        Damage(
            description: "branch keys fall", page: 4,
            pages: [branch(4, [("b", 5), ("a", 6)]), leaf(5, ["b"]), leaf(6, ["c"])]),
        Damage(
            description: "empty branch key", page: 4,
            pages: [branch(4, [("", 5), ("a", 6)]), leaf(5, ["0"]), leaf(6, ["a"])]),
        Damage(
            description: "below its parent's key", page: 5,
            pages: [branch(4, [("b", 5), ("d", 6)]), leaf(5, ["a"]), leaf(6, ["d"])]),
        Damage(
            description: "above its parent's next key", page: 5,
            pages: [branch(4, [("a", 5), ("b", 6)]), leaf(5, ["a", "c"]), leaf(6, ["d"])]),
        Damage(description: "overflow beyond the file", page: 4, pages: [overflow(4, 9)]),
        Damage(description: "overflow at the top", page: 4, pages: [overflow(4, 0xFFFF_FFFF)]),
        Damage(
            description: "overflow over a page in use", page: 6,
            pages: [branch(4, [("a", 5), ("b", 6)]), overflow(5, 1), leaf(6, ["b"])]),
        Damage(description: "unknown flags", page: 4, pages: [FileBuilder.leaf(4, [(2, "a", [])])]),
        Damage(description: "content outside", page: 4, pages: [patched(leaf(4, ["a"]), 20, 4096)]),
        Damage(description: "position at the top", page: 4, pages: [patched(leaf(4, ["a"]), 20, 0xFFFF_FFFF)]),
        Damage(description: "content inside the heads", page: 4, pages: [patched(leaf(4, ["a"]), 20, 4)]),
        Damage(description: "key too long", page: 4, pages: [patched(leaf(4, ["a"]), 24, 4096)]),
        Damage(description: "key length at the top", page: 4, pages: [patched(leaf(4, ["a"]), 24, 0xFFFF_FFFF)]),
        Damage(description: "value length at the top", page: 4, pages: [patched(leaf(4, ["a"]), 28, 0xFFFF_FFFF)]),
        Damage(description: "short bucket", page: 4, pages: [FileBuilder.leaf(4, [(1, "a", [1, 2, 3])])]),
        Damage(
            description: "short inline bucket", page: 4,
            pages: [FileBuilder.leaf(4, [(1, "a", FileBuilder.bucketValue(root: 0))])]),
        Damage(
            description: "inline branch", page: 4,
            pages: [
                FileBuilder.leaf(4, [(1, "a", FileBuilder.bucketValue(root: 0) + branch(0, [("a", 3), ("b", 3)]))])
            ]),
        Damage(
            description: "inline bucket with elements outside", page: 4,
            pages: [
                FileBuilder.leaf(
                    4, [(1, "a", FileBuilder.bucketValue(root: 0) + FileBuilder.page(0, kind: 2, count: 2, []))])
            ]),
    ]

    @Test(arguments: damages) func isNamed(_ damage: Damage) throws {
        var builder = FileBuilder()
        builder.add(FileBuilder.leaf(3, [(1, "bucket", FileBuilder.bucketValue(root: 4))]))
        for page in damage.pages { builder.add(page) }
        let error = try #require(readError(builder.file()))
        #expect(error.code == .damaged)
        #expect(error.page == damage.page)
        #expect(!error.message.isEmpty)
    }

    @Test func afterAnErrorACursorHasEnded() throws {
        var builder = FileBuilder()
        builder.add(Self.leaf(3, ["a", "b", "a", "c"]))
        let reader = try BoltReader(BoltMemoryImage(builder.file()))
        var cursor = reader.cursor(in: reader.root)
        #expect(try cursor.next()?.key == bytes("a"))
        #expect(try cursor.next()?.key == bytes("b"))
        #expect(throws: BoltFileError.self) { try cursor.next() }
        #expect(try cursor.next() == nil)
    }

    /// Two buckets with one tree: each can be read, a walk over both can't.
    @Test func sharedPages() throws {
        var builder = FileBuilder()
        let shared = FileBuilder.bucketValue(root: 4)
        builder.add(FileBuilder.leaf(3, [(1, "a", shared), (1, "b", shared)]))
        builder.add(Self.leaf(4, ["k"]))
        let file = builder.file()
        #expect(readError(file) == nil)
        let reader = try BoltReader(BoltMemoryImage(file))
        let bucket = try #require(try reader.bucket(named: bytes("a")))
        var first = reader.cursor(in: bucket)
        while try first.next() != nil {}
        var second = reader.cursor(in: bucket, after: first)
        let error = #expect(throws: BoltFileError.self) { try second.next() }
        #expect(error?.page == 4)
        #expect(error?.message == "is reached twice")
    }

    @Test func metasThatLie() {
        var builder = FileBuilder()
        builder.add(FileBuilder.leaf(3, []))
        let good = builder.file()
        let cases: [(root: Int, pageCount: Int, size: Int, code: BoltFileError.Code)] = [
            (3, 0, 4096, .damaged), (3, 2, 4096, .damaged), (3, 5, 4096, .truncated), (3, 1 << 40, 4096, .tooLarge),
            (3, -1, 4096, .tooLarge), (0, 4, 4096, .damaged), (1, 4, 4096, .damaged), (4, 4, 4096, .damaged),
            (-1, 4, 4096, .damaged), (3, 4, 0, .notBolt), (3, 4, 4095, .notBolt), (3, 4, 1 << 30, .notBolt),
            (3, 4, 512, .notBolt),
        ]
        for lie in cases {
            var file = good
            for page in 0...1 {
                let meta = FileBuilder.meta(
                    page: page, pageSize: lie.size, root: lie.root, pageCount: lie.pageCount, transaction: page)
                file.replaceSubrange(page * 4096..<page * 4096 + meta.count, with: meta)
            }
            #expect(readError(file)?.code == lie.code, "\(lie)")
        }
    }

    /// Random flips. What still reads has at most the file's bytes in it, so the walk was bounded.
    @Test func flippedBytes() throws {
        var random = SeededRandom(seed: testSeed("flippedBytes"))
        var refused = 0
        for round in 0..<1500 {
            let large = round % 5 == 0
            let (file, _) = try write([
                Bucket(name: bytes("a"), entries: random.entries(5, keys: 1...9, values: 0...5000)),
                Bucket(
                    name: bytes("b"),
                    entries: random.entries(large ? 400 : 30, keys: 1...(large ? 300 : 30), values: 0...50)),
                Bucket(name: bytes("c"), entries: []),
            ])
            var damaged = file
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                // Mostly where structure is: near a page's beginning.
                let page = Int.random(in: 0..<file.count / 4096, using: &random)
                let reach = Bool.random(using: &random) ? 80 : 4096
                let place = page * 4096 + Int.random(in: 0..<reach, using: &random)
                damaged[place] = UInt8.random(in: 0...255, using: &random)
            }
            do {
                let buckets = try read(damaged)
                let count = buckets.reduce(0) { $0 + $1.entries.reduce(0) { $0 + $1.key.count + $1.value.count } }
                // A bucket's root may point at another bucket's pages: each bucket reads at most the file.
                #expect(count <= file.count * max(buckets.count, 1))
            } catch {
                refused += 1
                #expect(!error.message.isEmpty)
            }
        }
        #expect(refused > 300)
    }

    @Test func cutAnywhere() throws {
        var random = SeededRandom(seed: testSeed("cutAnywhere"))
        let (file, _) = try write([
            Bucket(name: bytes("b"), entries: random.entries(300, keys: 1...300, values: 0...300))
        ])
        for length in stride(from: 0, to: file.count, by: 61) {
            let error = try #require(readError(Array(file[..<length])))
            #expect(error.code == (length < 80 ? .notBolt : .truncated))
        }
    }

    @Test func randomBytes() {
        var random = SeededRandom(seed: testSeed("randomBytes"))
        for _ in 0..<200 {
            var builder = FileBuilder()
            for _ in 0..<4 { builder.add(random.bytes(4096)) }
            var file = builder.file()
            // A head that lets the reader in.
            let root = FileBuilder.page(3, kind: Int.random(in: 1...2, using: &random), count: 100, [])
            file.replaceSubrange(3 * 4096..<3 * 4096 + 16, with: root)
            #expect(readError(file) != nil)
        }
    }

    private static func branch(_ number: Int, _ children: [(String, Int)]) -> [UInt8] {
        FileBuilder.branch(number, children.map { (key: $0.0, page: $0.1) })
    }

    private static func leaf(_ number: Int, _ keys: [String]) -> [UInt8] {
        FileBuilder.leaf(number, keys.map { (0, $0, []) })
    }

    private static func overflow(_ number: Int, _ count: Int) -> [UInt8] {
        FileBuilder.leaf(number, overflow: count, [(0, "a", [])])
    }

    private static func patched(_ page: [UInt8], _ offset: Int, _ number: Int) -> [UInt8] {
        var page = page
        page.set(number, at: offset, 4)
        return page
    }
}
