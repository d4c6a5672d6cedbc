// SPDX-License-Identifier: Apache-2.0

import MartletBoltFile
import Testing

@Suite struct WriterTests {
    /// Every field of head and pages against the format, number by number.
    @Test func fieldsAreWhereTheyBelong() throws {
        let (file, _) = try write([
            Bucket(
                name: bytes("full"),
                entries: [Entry(key: bytes("k1"), value: bytes("val")), Entry(key: bytes("k2"), value: [])]),
            Bucket(name: bytes("none"), entries: []),
        ])
        #expect(file.count == 5 * 4096)
        for page in 0...1 {
            let start = page * 4096
            #expect(file.number(at: start, 8) == page)
            #expect(file.number(at: start + 8, 2) == 4)
            #expect(file.number(at: start + 16, 4) == 0xED0C_DAED)
            #expect(file.number(at: start + 20, 4) == 2)
            #expect(file.number(at: start + 24, 4) == 4096)
            #expect(file.number(at: start + 28, 4) == 0)
            #expect(file.number(at: start + 32, 8) == 4)
            #expect(file.number(at: start + 40, 8) == 0)
            #expect(file.number(at: start + 48, 8) == 2)
            #expect(file.number(at: start + 56, 8) == 5)
            #expect(file.number(at: start + 64, 8) == page)
        }
        #expect(Array(file[8192..<8208]) == [2, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0])

        let leaf = Array(file[3 * 4096..<4 * 4096])
        #expect(Array(leaf[..<16]) == [3, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2, 0, 0, 0, 0, 0])
        #expect(Array(leaf[16..<32]) == [0, 0, 0, 0, 32, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0])
        #expect(Array(leaf[32..<48]) == [0, 0, 0, 0, 21, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0])
        #expect(Array(leaf[48..<55]) == bytes("k1valk2"))
        #expect(leaf[55...].allSatisfy { $0 == 0 })

        let root = Array(file[4 * 4096..<5 * 4096])
        #expect(Array(root[..<16]) == [4, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2, 0, 0, 0, 0, 0])
        #expect(Array(root[16..<32]) == [1, 0, 0, 0, 32, 0, 0, 0, 4, 0, 0, 0, 16, 0, 0, 0])
        #expect(Array(root[32..<48]) == [1, 0, 0, 0, 36, 0, 0, 0, 4, 0, 0, 0, 32, 0, 0, 0])
        #expect(Array(root[48..<52]) == bytes("full"))
        #expect(Array(root[52..<68]) == [3] + Array(repeating: 0, count: 15))
        #expect(Array(root[68..<72]) == bytes("none"))
        #expect(Array(root[72..<104]) == Array(repeating: 0, count: 24) + [2] + Array(repeating: 0, count: 7))
    }

    @Test func largeValueTakesOverflowPages() throws {
        let value = [UInt8](repeating: 7, count: 3 << 20)
        let (file, _) = try write([Bucket(name: bytes("b"), entries: [Entry(key: bytes("k"), value: value)])])
        #expect(file.number(at: 3 * 4096 + 12, 4) == 768)
        #expect(file.count == (3 + 769 + 1) * 4096)
    }

    @Test func keysMustRise() throws {
        #expect(writeError([("b", "2"), ("b", "1")])?.code == .invalidEntry)
        #expect(writeError([("b", "1"), ("b", "1")])?.code == .invalidEntry)
        #expect(writeError([("b", "")])?.code == .invalidEntry)
        #expect(writeError([("b", "1"), ("a", "1")])?.code == .invalidEntry)
        #expect(writeError([("b", "1"), ("b", "2"), ("c", "1")]) == nil)
    }

    @Test func lengthsHaveLimits() throws {
        var plan = BoltPlan()
        #expect(throws: BoltFileError.self) { try plan.add(keyLength: 1, valueLength: 1) }
        #expect(throws: BoltFileError.self) { try plan.beginBucket([]) }
        try plan.beginBucket(bytes("b"))
        #expect(throws: BoltFileError.self) { try plan.add(keyLength: 0, valueLength: 1) }
        #expect(throws: BoltFileError.self) { try plan.add(keyLength: BoltFormat.longestKey + 1, valueLength: 1) }
        #expect(throws: BoltFileError.self) { try plan.add(keyLength: 1, valueLength: BoltFormat.longestValue + 1) }
        try plan.add(keyLength: BoltFormat.longestKey, valueLength: BoltFormat.longestValue)
        #expect(try plan.finish().pageCount > 1 << 19)
    }

    /// Ten entries were counted, four to a leaf. Where others come, no file ends as if it were whole.
    @Test(arguments: [0, 8, 13, 500]) func otherEntriesThanCounted(_ count: Int) throws {
        let entries = (0..<count).map { Entry(key: bytes("key \(1000 + $0)"), value: Array(repeating: 1, count: 900)) }
        let layout = try plan([Bucket(name: bytes("b"), entries: Array(repeating: entry, count: 10))])
        var writer = BoltWriter(layout: layout)
        let error = #expect(throws: BoltFileError.self) {
            try writer.beginBucket(bytes("b"))
            for entry in entries {
                try writer.add(key: entry.key, value: entry.value)
                #expect(writer.outputCount <= Int(layout.byteCount))
            }
            try writer.finish()
        }
        #expect(error?.code == .planDiffers)
    }

    private let entry = Entry(key: bytes("key 1000"), value: Array(repeating: 1, count: 900))

    private func writeError(_ entries: [(bucket: String, key: String)]) -> BoltFileError? {
        do throws(BoltFileError) {
            var writer = BoltWriter(layout: BoltLayout(rootPage: 1 << 20, pageCount: 1 << 20))
            var bucket = ""
            for entry in entries {
                if entry.bucket != bucket { try writer.beginBucket(bytes(entry.bucket)) }
                bucket = entry.bucket
                try writer.add(key: bytes(entry.key), value: [])
            }
            return nil
        } catch {
            return error
        }
    }
}
