// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletBoltFile
import Testing

@Suite struct RoundTripTests {
    struct Shape: Sendable, CustomStringConvertible {
        var count: Int
        var keys: ClosedRange<Int>
        var values: ClosedRange<Int>

        var description: String { "\(count) entries, keys \(keys), values \(values)" }
    }

    /// Counts around what a leaf and a branch hold; keys that fill a branch with two; values that take many pages.
    static let shapes = [
        Shape(count: 0, keys: 1...8, values: 0...0),
        Shape(count: 1, keys: 1...8, values: 0...0),
        Shape(count: 2, keys: 1...8, values: 0...8),
        Shape(count: 120, keys: 17...17, values: 0...0),
        Shape(count: 123, keys: 17...17, values: 0...0),
        Shape(count: 124, keys: 17...17, values: 0...0),
        Shape(count: 3000, keys: 1...40, values: 0...300),
        Shape(count: 50_000, keys: 17...18, values: 0...64),
        Shape(count: 300, keys: 900...2100, values: 0...50),
        Shape(count: 60, keys: 4000...32_768, values: 0...9000),
        Shape(count: 40, keys: 17...17, values: 0...(3 << 20)),
        Shape(count: 5000, keys: 300...500, values: 0...4),
    ]

    @Test(arguments: shapes) func everythingComesBack(_ shape: Shape) throws {
        var random = SeededRandom(seed: testSeed("everythingComesBack"))
        let buckets = [
            Bucket(name: bytes("before"), entries: random.entries(3, keys: 1...9, values: 0...9)),
            Bucket(name: bytes("key"), entries: random.entries(shape.count, keys: shape.keys, values: shape.values)),
            Bucket(name: bytes("last"), entries: []),
        ]
        let (file, _) = try write(buckets)
        #expect(try read(file) == buckets)
        checkStructure(file)
    }

    /// Each count crosses some boundary of leaf, branch or height.
    @Test func everyCountUpToSomeLevels() throws {
        var random = SeededRandom(seed: testSeed("everyCountUpToSomeLevels"))
        let all = random.entries(400, keys: 1000...2000, values: 0...1500)
        var heights: Set<Int> = []
        for count in 0...all.count where count < 40 || count % 7 == 0 {
            let buckets = [Bucket(name: bytes("b"), entries: Array(all[..<count]))]
            let (file, _) = try write(buckets)
            #expect(try read(file) == buckets, "\(count) entries")
            heights.insert(checkStructure(file))
        }
        #expect(heights.count > 4)
    }

    @Test func manyBuckets() throws {
        var random = SeededRandom(seed: testSeed("manyBuckets"))
        let names = random.entries(900, keys: 1...100, values: 0...0).map(\.key)
        let buckets = names.enumerated().map { index, name in
            Bucket(name: name, entries: random.entries(index % 4, keys: 1...8, values: 0...8))
        }
        let (file, _) = try write(buckets)
        #expect(try read(file).sorted { $0.name.lexicographicallyPrecedes($1.name) } == buckets)
        checkStructure(file)
    }

    @Test func noBucket() throws {
        let (file, _) = try write([])
        #expect(try read(file) == [])
        #expect(file.count == 4 * 4096)
    }

    @Test func sameEntriesGiveSameBytes() throws {
        var random = SeededRandom(seed: testSeed("sameEntriesGiveSameBytes"))
        let buckets = [Bucket(name: bytes("b"), entries: random.entries(5000, keys: 1...40, values: 0...300))]
        #expect(try write(buckets).file == write(buckets).file)
    }

    /// The file comes as it is made: no call gives more than its own entry and some pages, however long the file.
    @Test func outputIsBounded() throws {
        var random = SeededRandom(seed: testSeed("outputIsBounded"))
        let longestValue = 20_000
        let entries =
            random.entries(20_000, keys: 17...17, values: 0...100)
            + [Entry(key: Array(repeating: 255, count: 18), value: random.bytes(longestValue))]
        let (file, longest) = try write([Bucket(name: bytes("b"), entries: entries)])
        #expect(file.count > 1_500_000)
        #expect(longest <= longestValue + 8 * 4096)
    }

    /// Pages form one tree a bucket: each is used once, none is left over, no branch has fewer than two children.
    @discardableResult
    private func checkStructure(_ file: [UInt8]) -> Int {
        let raw = RawFile(file)
        #expect(raw.uses[..<3].allSatisfy { $0 == 0 })
        #expect(raw.uses[3...].allSatisfy { $0 == 1 })
        #expect(raw.branchCounts.allSatisfy { $0 >= 2 })
        return raw.height
    }
}
