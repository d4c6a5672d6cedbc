// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// The nodes that run in this process, by what registries say of them.
///
/// A running service enters itself and leaves before it ends. Whoever calls a node finds it here only when id and
/// address are the same: a node of another process under the same name isn't this one.
enum LocalNodes {
    private static let nodes = Mutex<[Key: LocalNode]>([:])
    /// Counts every change, so that callers needn't look again while nothing has changed.
    fileprivate static let generation = Atomic<UInt64>(1)

    private struct Key: Hashable {
        var id: String
        var address: String

        init(_ node: NodeRecord) {
            self.id = node.id
            self.address = node.address
        }
    }

    /// A node that is ready to be called. One that says it is the same takes its place.
    static func enter(_ node: LocalNode) {
        let earlier = self.nodes.withLock { $0.updateValue(node, forKey: Key(node.record)) }
        self.generation.add(1, ordering: .releasing)
        // Let go outside the lock.
        withExtendedLifetime(earlier) {}
    }

    /// A node that is about to end; calls under way go on.
    static func leave(_ node: LocalNode) {
        self.nodes.withLock { nodes in
            let key = Key(node.record)
            if nodes[key] === node { nodes[key] = nil }
        }
        self.generation.add(1, ordering: .releasing)
    }

    fileprivate static func find(_ record: NodeRecord) -> LocalNode? {
        self.nodes.withLock { $0[Key(record)] }
    }
}

extension LocalNodes {
    /// What one channel knows of its node's whereabouts, remembered until something changes.
    final class Lookup: Sendable {
        private struct State {
            var generation: UInt64 = 0
            /// Weak: a node that has ended isn't kept by those who called it.
            weak var node: LocalNode?
        }

        /// The generation in which the node wasn't here.
        private let absentAt = Atomic<UInt64>(0)
        private let state = Mutex(State())

        /// The node, if it runs here. Costs two loads while it doesn't.
        func node(_ record: NodeRecord) -> LocalNode? {
            let generation = LocalNodes.generation.load(ordering: .acquiring)
            if self.absentAt.load(ordering: .relaxed) == generation { return nil }
            return self.state.withLock { state in
                if state.generation < generation {
                    state.generation = generation
                    state.node = LocalNodes.find(record)
                    if state.node == nil { self.absentAt.store(generation, ordering: .relaxed) }
                }
                return state.node
            }
        }
    }
}
