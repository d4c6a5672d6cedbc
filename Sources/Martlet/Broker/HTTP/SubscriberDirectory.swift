// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import Synchronization

/// Which nodes subscribe to which topic: a copy of what the registry says, kept current from the first question on.
final class SubscriberDirectory: Sendable {
    /// Who gets a message.
    struct Targets {
        /// Each of them.
        var broadcast: [NodeRecord] = []
        /// One of each queue's; the first of them is to be tried first.
        var queues: [(name: String, nodes: [NodeRecord])] = []
    }

    /// How long a publisher waits for a registry that has never answered.
    static let patience = Duration.seconds(5)
    /// The pause before a watch of the registry that failed is begun again.
    static let watchPause = Duration.seconds(1)

    private struct State {
        var mirror = RegistryMirror()
        var watch: Task<Void, Never>?
        /// How many messages have gone; whose turn it is in each queue.
        var turn = 0
    }

    private let registry: any ServiceRegistry
    private let logger: Logger
    private let state = Mutex(State())

    init(registry: any ServiceRegistry, logger: Logger) {
        self.registry = registry
        self.logger = logger
    }

    deinit { self.state.withLock { $0.watch }?.cancel() }

    /// - Throws: Code 503 when the registry has not answered yet.
    func targets(of topic: String) async throws -> Targets {
        self.startWatching()
        let clock = ContinuousClock()
        let end = clock.now.advanced(by: Self.patience)
        // Polled: only the first messages of a process come here before the registry has answered.
        while !self.state.withLock({ $0.mirror.isComplete }) {
            guard clock.now < end else {
                throw MicroError(
                    .unavailable, "the registry \"\(self.registry.name)\" has not answered", id: HTTPBroker.errorID)
            }
            try await Task.sleep(for: .milliseconds(5))
        }
        let (nodes, turn) = self.state.withLock { state in
            state.turn &+= 1
            return (state.mirror.nodes(of: HTTPBroker.serviceName), state.turn)
        }
        return Self.targets(topic, nodes, turn: turn)
    }

    /// Sorts the nodes of all topics.
    static func targets(_ topic: String, _ nodes: [(node: NodeRecord, version: String)], turn: Int) -> Targets {
        var targets = Targets()
        var queues: [String: [NodeRecord]] = [:]
        for (node, version) in nodes {
            let metadata = node.metadata ?? [:]
            guard metadata["broker"] == "http", metadata["topic"] == topic else { continue }
            if version == HTTPBroker.broadcastVersion {
                targets.broadcast.append(node)
            } else {
                queues[version, default: []].append(node)
            }
        }
        for (name, nodes) in queues.sorted(by: { $0.key < $1.key }) {
            let start = Int(UInt(bitPattern: turn) % UInt(nodes.count))
            targets.queues.append((name, Array(nodes[start...] + nodes[..<start])))
        }
        return targets
    }

    private func startWatching() {
        self.state.withLock { state in
            guard state.watch == nil else { return }
            let registry = self.registry
            let logger = self.logger
            state.watch = Task { [weak self] in
                while !Task.isCancelled {
                    do {
                        try await registry.watch { change in
                            self?.state.withLock { _ = $0.mirror.apply(change) }
                        }
                    } catch {
                        guard !Task.isCancelled else { return }
                        logger.warning("subscribers aren't followed", metadata: ["error": "\(error)"])
                    }
                    try? await Task.sleep(for: Self.watchPause)
                }
            }
        }
    }
}
