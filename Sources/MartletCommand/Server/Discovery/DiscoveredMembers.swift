// SPDX-License-Identifier: Apache-2.0

/// Who has written itself down as a member of a new cluster, and whether they are all.
package struct DiscoveredMembers: Sendable {
    package struct Found: Sendable {
        /// Hexadecimal.
        package var id: String
        /// As `--initial-cluster` has it: `name=URL`, or several with commas.
        package var text: String
        package var createRevision: Int64

        package init(id: String, text: String, createRevision: Int64) {
            self.id = id
            self.text = text
            self.createRevision = createRevision
        }
    }

    package enum State: Hashable, Sendable {
        /// Others were first, and are enough.
        case full
        /// The member isn't written down yet, and there is a place.
        case unknown
        case waiting(known: Int)
        /// All are there: `--initial-cluster`.
        case complete(String)
    }

    private let size: Int
    /// Those who came first, in the order in which they came.
    private let members: [Found]

    package init(size: Int, _ found: [Found]) {
        self.size = size
        members = Array(found.sorted { $0.createRevision < $1.createRevision }.prefix(size))
    }

    package func state(for id: String) -> State {
        guard members.contains(where: { $0.id == id }) else { return members.count < size ? .unknown : .full }
        guard members.count == size else { return .waiting(known: members.count) }
        return .complete(members.map(\.text).joined(separator: ","))
    }
}
