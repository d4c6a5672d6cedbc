// SPDX-License-Identifier: Apache-2.0

/// Draws positions by weight in constant time: Walker's alias method, with the table built as Vose does.
///
/// Each position has one cell; a draw picks a cell evenly and then either its own position or its alias.
///
/// Complexity: O(n) to build, O(1) a draw. Source: M. D. Vose, "A linear algorithm for generating random numbers with
/// a given distribution", 1991.
package struct WeightTable: Sendable {
    private struct Cell {
        /// The chance, of 2^32, to stay with the cell's own position.
        var threshold: UInt32
        var alias: UInt32
    }

    private var cells: [Cell]

    /// - Parameter weights: At least one; what is negative or not finite counts as 0. Are all of them 0, all are alike.
    package init(_ weights: [Double]) {
        precondition(!weights.isEmpty && weights.count < UInt32.max, "a table needs something to draw")
        let weights = weights.map { $0.isFinite && $0 > 0 ? $0 : 0 }
        // Scaled by the largest first, so that the sum can't overflow.
        let largest = weights.max() ?? 0
        let scaled = largest > 0 ? weights.map { $0 / largest } : weights.map { _ in 1 }
        let sum = scaled.reduce(0, +)
        var shares = scaled.map { $0 * Double(scaled.count) / sum }
        self.cells = shares.indices.map { Cell(threshold: .max, alias: UInt32($0)) }
        var small = shares.indices.filter { shares[$0] < 1 }
        var large = shares.indices.filter { shares[$0] >= 1 }
        while let position = small.popLast(), let donor = large.last {
            self.cells[position] = Cell(
                threshold: UInt32(max(0, shares[position]) * Double(UInt32.max)), alias: UInt32(donor))
            shares[donor] -= 1 - shares[position]
            if shares[donor] < 1 {
                large.removeLast()
                small.append(donor)
            }
        }
    }

    /// The position that belongs to these bits.
    package func position(_ bits: UInt64) -> Int {
        let cell = SelectionBits.position(SelectionBits.mixed(bits), below: self.cells.count)
        let low = UInt32(truncatingIfNeeded: bits)
        let threshold = self.cells[cell].threshold
        // A cell of the whole chance has itself as alias; one of no chance must never be drawn.
        return low < threshold || threshold == .max ? cell : Int(self.cells[cell].alias)
    }
}
