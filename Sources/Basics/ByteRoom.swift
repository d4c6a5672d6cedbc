// SPDX-License-Identifier: Apache-2.0

extension [UInt8] {
    /// Makes room for so many bytes more, as appending does: to at least twice what there was.
    ///
    /// `reserveCapacity` makes it exactly, so that of pieces that each ask for theirs every one moves all before it.
    public mutating func makeRoom(for count: Int) {
        let wanted = self.count + count
        if wanted > capacity { reserveCapacity(Swift.max(wanted, 2 * capacity)) }
    }
}
