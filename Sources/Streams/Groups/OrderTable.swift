// SPDX-License-Identifier: Apache-2.0

/// Which entries of a group have the same key and follow each other: for each key, by a hash of it, what the group has
/// passed and nobody has acknowledged, in order. The first of each is out or may be; the others are parked.
///
/// Keys whose hashes are the same follow each other as one.
struct OrderTable: Sendable {
    /// Pieces in which checkpoints write the table: what changes between two of them is mostly a part.
    static let bucketCount = 256

    /// IDs in order. Mostly the first goes.
    struct Line: Hashable, Sendable {
        private var ids: [StreamID] = []
        private var begin = 0

        var first: StreamID? { begin < ids.count ? ids[begin] : nil }
        var all: ArraySlice<StreamID> { ids[begin...] }
        var isEmpty: Bool { begin == ids.count }

        mutating func insert(_ id: StreamID) {
            var place = ids.count
            while place > begin, ids[place - 1] > id { place -= 1 }
            ids.insert(id, at: place)
        }

        mutating func remove(_ id: StreamID) {
            if first == id {
                begin += 1
                if begin > 32, begin * 2 > ids.count {
                    ids.removeFirst(begin)
                    begin = 0
                }
            } else if let place = ids[begin...].firstIndex(of: id) {
                ids.remove(at: place)
            }
        }
    }

    // Both are asked; walked only by sorted hashes.
    private var hashes: [StreamID: UInt64] = [:]
    private var lines: [UInt64: Line] = [:]
    /// Hashes of each bucket.
    private var buckets: [Set<UInt64>] = []
    private var isChanged: [Bool] = []

    var isEmpty: Bool { hashes.isEmpty }
    var count: Int { hashes.count }

    static func bucket(_ hash: UInt64) -> Int { Int(hash % UInt64(bucketCount)) }

    func hash(of id: StreamID) -> UInt64? { hashes[id] }

    /// All of a key, in order.
    func line(of hash: UInt64) -> ArraySlice<StreamID> { lines[hash]?.all ?? [] }

    /// Who comes first of a key.
    func first(of hash: UInt64) -> StreamID? { lines[hash]?.first }

    mutating func add(_ id: StreamID, _ hash: UInt64) {
        if buckets.isEmpty {
            buckets = [Set<UInt64>](repeating: [], count: Self.bucketCount)
            isChanged = [Bool](repeating: false, count: Self.bucketCount)
        }
        hashes[id] = hash
        lines[hash, default: Line()].insert(id)
        buckets[Self.bucket(hash)].insert(hash)
        isChanged[Self.bucket(hash)] = true
    }

    /// - Returns: who comes first now of the same key.
    mutating func remove(_ id: StreamID) -> StreamID? {
        guard let hash = hashes.removeValue(forKey: id) else { return nil }
        lines[hash]?.remove(id)
        isChanged[Self.bucket(hash)] = true
        if lines[hash]?.isEmpty == true {
            lines[hash] = nil
            buckets[Self.bucket(hash)].remove(hash)
            return nil
        }
        return lines[hash]?.first
    }

    // MARK: In a checkpoint

    /// Lines of a bucket by rising hashes.
    func lines(ofBucket bucket: Int) -> [(hash: UInt64, ids: [StreamID])] {
        guard !buckets.isEmpty else { return [] }
        return buckets[bucket].sorted().map { ($0, Array(lines[$0]?.all ?? [])) }
    }

    /// Buckets that changed since the last call.
    mutating func takeChanged() -> [Int] {
        let changed = isChanged.indices.filter { isChanged[$0] }
        for bucket in changed { isChanged[bucket] = false }
        return changed
    }

    /// Of a bucket without lines nothing is to be written; that its record goes is noted where it becomes empty.
    mutating func markAllChanged() {
        for bucket in isChanged.indices where !buckets[bucket].isEmpty { isChanged[bucket] = true }
    }

    /// Buckets that checkpoints may have a record of.
    var writtenBuckets: Range<Int> { isChanged.indices }

    /// About, on the heap.
    var memoryBytes: Int { hashes.count * 72 + lines.count * 64 }

    /// What is wrong with the table; `nil` if nothing is. For tests.
    var invariantViolation: String? {
        var seen = 0
        for bucket in 0..<Self.bucketCount {
            for line in lines(ofBucket: bucket) {
                if line.ids.isEmpty || line.ids != line.ids.sorted() { return "line \(line.hash)" }
                for id in line.ids where hashes[id] != line.hash { return "\(id) has another key" }
                seen += line.ids.count
            }
        }
        return seen == hashes.count ? nil : "\(seen) IDs counted as \(hashes.count)"
    }
}

/// A hash of what stands in an entry's field: the same in every process.
enum OrderHash {
    static func hash(_ bytes: [UInt8]) -> UInt64 { ImageHash.hash(bytes.span.bytes) }
}
