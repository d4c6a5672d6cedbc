// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import NIOCore
internal import Synchronization

extension ClientCore {
    /// How many paths are kept a service, so that made-up endpoints can't fill the memory.
    static let maximumPaths = 1024

    /// The nodes that may take a call, and the path that it is called by.
    struct Turn {
        let set: NodeSet
        let path: String
    }

    /// The nodes of a service, without waiting.
    ///
    /// - Returns: `nil` when the service isn't known, or not yet.
    func turn(_ service: String, _ endpoint: String) throws -> Turn? {
        var ended: Service?
        defer { withExtendedLifetime(ended) {} }
        return try self.state.withLock { state -> Turn? in
            guard !state.isClosed else { throw Self.closed }
            guard let index = state.services.index(forKey: service) else { return nil }
            if let end = state.services.values[index].lingersUntil, end <= .now() {
                ended = state.services.remove(at: index).value
                return nil
            }
            let path = try Self.path(service, endpoint, in: &state.services.values[index])
            return Turn(set: state.services.values[index].set, path: path)
        }
    }

    /// The nodes that the registry knows by now; they may have changed since a call began.
    func currentSet(_ service: String) -> NodeSet? {
        self.state.withLock { $0.isClosed ? nil : $0.services[service]?.set }
    }

    /// Picks a node that a call hasn't been tried on; `nil` when there is none.
    ///
    /// Asks filters and selectors, which may be the user's: without the lock.
    func choose(
        _ set: NodeSet, _ endpoint: String, _ options: RequestOptions, tried: [NodeChannel]
    ) -> NodeChannel? {
        let filters = options.filters ?? self.configuration.filters
        var view = set.view(filters, endpoint: endpoint)
        if let filter = options.filter { view = view.view { filter($0.node, $0.version) } }
        return view.choose(
            ChoiceRequest(
                options.selector ?? self.configuration.selector, key: options.key,
                nowNanoseconds: NIODeadline.now().uptimeNanoseconds, tried: tried))
    }

    private static func path(_ service: String, _ endpoint: String, in state: inout Service) throws -> String {
        if let path = state.paths[endpoint] { return path }
        let path = try Self.path(service, endpoint)
        if state.paths.count < Self.maximumPaths { state.paths[endpoint] = path }
        return path
    }

    static func path(_ service: String, _ endpoint: String) throws -> String {
        guard let path = Route.path(service: service, endpoint: endpoint) else {
            throw MicroError(.badRequest, "malformed endpoint name: \"\(endpoint)\"", id: MicroError.clientID)
        }
        return path
    }
}

extension ClientCore {
    /// Compares the nodes of a service when it is time to. Once an interval, by whichever call ends then.
    ///
    /// Complexity: O(n log n) for n nodes, once an interval.
    func compareNodes(_ set: NodeSet, nowNanoseconds now: UInt64) {
        guard let policy = self.configuration.ejection,
            set.counters.takeLook(now, interval: policy.interval.nanosecondCount)
        else { return }
        let samples = set.channels.map { $0.takeSample(now) }
        let outliers = OutlierEjection.outliers(policy, samples)
        for position in outliers {
            let channel = set.channels[position]
            channel.eject(policy, nowNanoseconds: now)
            self.logger.notice(
                "node does worse than the others and is left alone for a while",
                metadata: [
                    "node": "\(channel.node.id)", "address": "\(channel.node.address)",
                    "calls": "\(samples[position].calls)", "failures": "\(samples[position].failures)",
                    "milliseconds": "\(samples[position].meanNanoseconds / 1_000_000)",
                ])
        }
        for position in samples.indices where samples[position].calls > 0 && !outliers.contains(position) {
            if !samples[position].isEjected { set.channels[position].wasUnremarkable() }
        }
    }
}
