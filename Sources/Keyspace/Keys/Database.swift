// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// The keys of one database: rows in numbered places, found by name, walked by place.
///
/// A new key takes the lowest free place and stays there. So the order of a walk follows from what was done to the
/// database, not from hashes, and a walk in pieces, whose cursor is a place, meets every key that is there all along.
struct Database: Sendable {
    private(set) var rows: [KeyRow?] = []
    private var index = NameIndex()
    private var free = LowestFirst()
    let seed: UInt64
    /// The keyspace's count of changes when a key last went: the version of all that aren't there.
    var absentVersion: UInt64 = 0
    /// Keys that expire some day.
    private(set) var expiringCount = 0
    /// Of the moments at which they do.
    private(set) var expirySum: Int128 = 0

    init(seed: UInt64) {
        self.seed = seed
    }

    var count: Int { index.count }

    // MARK: Finding

    /// The place of a key, expired or not.
    @inline(__always)
    func place(of name: RawSpan) -> Int? {
        let hash = NameHash.hash(name, seed: seed)
        return index.row(hash) { isNamed($0, hash, name) }
    }

    @inline(__always)
    private func isNamed(_ place: Int, _ hash: UInt64, _ name: RawSpan) -> Bool {
        guard let row = rows[place], row.hash == hash else { return false }
        return row.name.span.bytes.isSame(as: name)
    }

    /// What is at a place that is taken.
    subscript(place: Int) -> KeyRow {
        @inline(__always) get {
            guard let row = rows[place] else { preconditionFailure("no key is at \(place)") }
            return row
        }
        @inline(__always) _modify {
            precondition(rows[place] != nil, "no key is at \(place)")
            yield &rows[place]!
        }
    }

    /// Whether a key is at a place and not expired.
    func holds(_ place: Int, at now: Int64) -> Bool {
        guard place < rows.count, let row = rows[place] else { return false }
        return !row.isExpired(at: now)
    }

    // MARK: Changing

    /// Adds a key whose name isn't there.
    mutating func add(_ name: [UInt8], _ value: KeyValue, version: UInt64, number: UInt64) -> Int {
        let hash = NameHash.hash(name.span.bytes, seed: seed)
        let row = KeyRow(name: name, hash: hash, value: value, version: version, number: number)
        let place: Int
        if let lowest = free.take() {
            place = lowest
            rows[place] = row
        } else {
            place = rows.count
            rows.append(row)
        }
        index.add(place, hash, rows)
        return place
    }

    mutating func remove(_ place: Int) -> KeyRow {
        let row = self[place]
        index.remove(place, row.hash, rows)
        clear(place)
        countExpiry(row.expiresAt, -1)
        return row
    }

    private mutating func clear(_ place: Int) {
        rows[place] = nil
        free.put(place)
    }

    /// Puts a key where a checkpoint says: places rise from call to call, and those between are free.
    ///
    /// - Returns: `false` where the place is taken or the name is there.
    mutating func restore(_ row: KeyRow, at place: Int) -> Bool {
        guard place >= rows.count, self.place(of: row.name.span.bytes) == nil else { return false }
        while rows.count < place {
            free.put(rows.count)
            rows.append(nil)
        }
        rows.append(row)
        index.add(place, row.hash, rows)
        countExpiry(row.expiresAt, 1)
        return true
    }

    mutating func setExpiry(_ place: Int, _ moment: Int64) {
        countExpiry(self[place].expiresAt, -1)
        countExpiry(moment, 1)
        self[place].expiresAt = moment
    }

    private mutating func countExpiry(_ moment: Int64, _ change: Int) {
        if moment == KeyRow.endless { return }
        expiringCount += change
        expirySum += Int128(moment) * Int128(change)
    }
}

/// Free places, the lowest on top.
private struct LowestFirst: Sendable {
    private var places: [UInt32] = []

    mutating func put(_ place: Int) {
        places.append(UInt32(place))
        var child = places.count - 1
        while child > 0, places[child] < places[(child - 1) / 2] {
            places.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func take() -> Int? {
        guard let last = places.popLast() else { return nil }
        guard let lowest = places.first else { return Int(last) }
        places[0] = last
        var parent = 0
        while true {
            var least = 2 * parent + 1
            if least >= places.count { return Int(lowest) }
            if least + 1 < places.count, places[least + 1] < places[least] { least += 1 }
            if places[parent] <= places[least] { return Int(lowest) }
            places.swapAt(parent, least)
            parent = least
        }
    }
}
