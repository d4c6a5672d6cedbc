// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletBoltFile
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The seed of a random test: from MARTLET_SEED, else a fixed one, so that a run repeats. Prints it.
func testSeed(_ test: String) -> UInt64 {
    let seed = getenv("MARTLET_SEED").flatMap { UInt64(String(cString: $0)) } ?? 20_261_121
    print("\(test): MARTLET_SEED=\(seed)")
    return seed
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

struct Entry: Equatable {
    var key: [UInt8]
    var value: [UInt8]
}

struct Bucket: Equatable {
    var name: [UInt8]
    var entries: [Entry]
}

extension SeededRandom {
    mutating func bytes(_ count: Int) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(count + 8)
        while result.count < count {
            var word = next()
            for _ in 0..<8 {
                result.append(UInt8(truncatingIfNeeded: word))
                word >>= 8
            }
        }
        result.removeLast(result.count - count)
        return result
    }

    /// Entries in order, their keys and values of random lengths; at most `count`, since equal keys count once.
    mutating func entries(_ count: Int, keys: ClosedRange<Int>, values: ClosedRange<Int>) -> [Entry] {
        var taken: Set<[UInt8]> = []
        for _ in 0..<count {
            let length = Int.random(in: keys, using: &self)
            taken.insert(bytes(length))
        }
        return taken.sorted { $0.lexicographicallyPrecedes($1) }.map { key in
            let length = Int.random(in: values, using: &self)
            return Entry(key: key, value: bytes(length))
        }
    }
}

func plan(_ buckets: [Bucket]) throws(BoltFileError) -> BoltLayout {
    var plan = BoltPlan()
    for bucket in buckets {
        try plan.beginBucket(bucket.name)
        for entry in bucket.entries {
            try plan.add(keyLength: entry.key.count, valueLength: entry.value.count)
        }
    }
    return try plan.finish()
}

/// Writes in both passes. `longestOutput` is what was given at once at most.
func write(_ buckets: [Bucket]) throws(BoltFileError) -> (file: [UInt8], longestOutput: Int) {
    let layout = try plan(buckets)
    var writer = BoltWriter(layout: layout)
    var file: [UInt8] = []
    var longest = 0
    func take() {
        longest = max(longest, writer.outputCount)
        file += writer.takeOutput()
    }
    take()
    for bucket in buckets {
        try writer.beginBucket(bucket.name)
        take()
        for entry in bucket.entries {
            try writer.add(key: entry.key, value: entry.value)
            take()
        }
    }
    try writer.finish()
    take()
    #expect(UInt64(file.count) == layout.byteCount)
    return (file, longest)
}

/// All buckets and values; nested buckets are read as buckets of their own, under their path.
func read<Image: BoltImage>(
    _ image: Image, limits: BoltLimits = BoltLimits()
) throws(BoltFileError) -> [Bucket] {
    let reader = try BoltReader(image, limits: limits)
    var result: [Bucket] = []
    try collect(reader, reader.root, path: [], into: &result)
    return result
}

private func collect<Image: BoltImage>(
    _ reader: BoltReader<Image>, _ bucket: BoltBucket, path: [UInt8], into result: inout [Bucket]
) throws(BoltFileError) {
    // Damage may nest buckets in a circle: a walker that follows them is bounded by its own count.
    guard result.count < 1000 else { return }
    var cursor = reader.cursor(in: bucket)
    var entries: [Entry] = []
    let place = result.count
    while let entry = try cursor.next() {
        switch entry.content {
        case .value(let value):
            entries.append(Entry(key: entry.key, value: value))
        case .bucket(let inner):
            try collect(reader, inner, path: path + entry.key, into: &result)
        }
    }
    if !path.isEmpty { result.insert(Bucket(name: path, entries: entries), at: min(place, result.count)) }
}

func read(_ file: [UInt8]) throws(BoltFileError) -> [Bucket] { try read(BoltMemoryImage(file)) }

/// The error of reading a file, or nil if it can be read.
func readError(_ file: [UInt8], limits: BoltLimits = BoltLimits()) -> BoltFileError? {
    do {
        _ = try read(BoltMemoryImage(file), limits: limits)
        return nil
    } catch {
        return error
    }
}

extension [UInt8] {
    func number(at offset: Int, _ length: Int) -> Int {
        self[offset..<offset + length].reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    mutating func set(_ number: Int, at offset: Int, _ length: Int) {
        for place in 0..<length { self[offset + place] = UInt8(truncatingIfNeeded: number >> (place * 8)) }
    }
}
