// SPDX-License-Identifier: Apache-2.0

package import MartletBasics

extension Replica {
    /// Makes the next checkpoint due, whatever the time: at the next step, or when the one under way is written.
    package mutating func hastenCheckpoint() {
        checkpoint.next = .zero
    }

    /// The last entry that a written checkpoint holds.
    package var checkpointedIndex: LogIndex { checkpoint.last }
}
