// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

extension Replica {
    /// Makes the next checkpoint due, whatever the time: at the next step, or when the one under way is written.
    public mutating func hastenCheckpoint() {
        checkpoint.next = .zero
    }

    /// The last entry that a written checkpoint holds.
    public var checkpointedIndex: LogIndex { checkpoint.last }
}
