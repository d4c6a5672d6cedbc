// SPDX-License-Identifier: Apache-2.0

/// Hashes of names. Nothing that shows depends on them.
enum NameHash {
    private static let multiplier: UInt64 = 0xA076_1D64_78BD_642F
    private static let finisher: UInt64 = 0xE703_7ED1_A0B4_28DB

    /// - Parameter seed: of the process, so that nobody can choose names that collide.
    @inline(__always)
    static func hash(_ name: RawSpan, seed: UInt64) -> UInt64 {
        var hash = seed ^ UInt64(name.byteCount)
        var offset = 0
        while offset + 8 <= name.byteCount {
            hash = fold(hash ^ name.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self), multiplier)
            offset += 8
        }
        var rest: UInt64 = 0
        while offset < name.byteCount {
            rest = rest << 8 | UInt64(name.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
            offset += 1
        }
        return fold(hash ^ rest, finisher)
    }

    @inline(__always)
    private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let (high, low) = left.multipliedFullWidth(by: right)
        return high ^ low
    }
}

/// Finds rows by name: an open table of row numbers, at most half full, each in the first free cell from where its hash
/// says.
struct NameIndex: Sendable {
    /// Row number + 1; 0: free.
    private var cells: [UInt32] = []
    private(set) var count = 0

    @inline(__always)
    private func home(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash) & (cells.count - 1) }

    /// The row of a name; `isNamed` tells whether a row, of the same hash or not, has it.
    @inline(__always)
    func row(_ hash: UInt64, where isNamed: (Int) -> Bool) -> Int? {
        if cells.isEmpty { return nil }
        var cell = home(hash)
        while cells[cell] != 0 {
            let row = Int(cells[cell]) - 1
            if isNamed(row) { return row }
            cell = (cell + 1) & (cells.count - 1)
        }
        return nil
    }

    /// Adds a row whose name isn't there.
    ///
    /// - Parameter rows: all that are there.
    mutating func add(_ row: Int, _ hash: UInt64, _ rows: [KeyRow?]) {
        if (count + 1) * 2 > cells.count { grow(rows) }
        put(row, hash)
        count += 1
    }

    private mutating func put(_ row: Int, _ hash: UInt64) {
        var cell = home(hash)
        while cells[cell] != 0 { cell = (cell + 1) & (cells.count - 1) }
        cells[cell] = UInt32(row + 1)
    }

    private mutating func grow(_ rows: [KeyRow?]) {
        let old = cells
        cells = [UInt32](repeating: 0, count: max(old.count * 2, 16))
        for cell in old where cell != 0 { put(Int(cell) - 1, Self.hash(Int(cell) - 1, rows)) }
    }

    /// Takes away a row that is there; what stood behind it moves up, so that no search ends too early.
    mutating func remove(_ row: Int, _ hash: UInt64, _ rows: [KeyRow?]) {
        var gap = home(hash)
        while cells[gap] != UInt32(row + 1) { gap = (gap + 1) & (cells.count - 1) }
        let mask = cells.count - 1
        var next = (gap + 1) & mask
        while cells[next] != 0 {
            let home = home(Self.hash(Int(cells[next]) - 1, rows))
            if (next - home) & mask >= (next - gap) & mask {
                cells[gap] = cells[next]
                gap = next
            }
            next = (next + 1) & mask
        }
        cells[gap] = 0
        count -= 1
    }

    private static func hash(_ row: Int, _ rows: [KeyRow?]) -> UInt64 {
        guard let row = rows[row] else { preconditionFailure("no key is at \(row)") }
        return row.hash
    }
}
