// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import Synchronization

extension ClientCore {
    /// How many paths are kept a service, so that made-up endpoints can't fill the memory.
    static let maximumPaths = 1024

    /// The node that takes a call, and the path that it is called by.
    struct Pick {
        let channel: NodeChannel
        let path: String
    }

    /// What the lock is needed for: who may take a call, and its number.
    private struct Turn {
        let channels: [NodeChannel]
        let call: UInt64
        let path: String
    }

    /// Picks a node, without waiting.
    ///
    /// - Returns: `nil` when the service isn't known, or not yet.
    func pick(_ service: String, _ endpoint: String, _ options: RequestOptions) throws -> Pick? {
        guard let turn = try self.turn(service, endpoint) else { return nil }
        let channel = try self.choose(turn.channels, turn.call, service, options, excluding: [])
        return Pick(channel: channel, path: turn.path)
    }

    /// Picks a node that a call hasn't been tried on; `nil` when there is none.
    func pickAnother(_ service: String, _ options: RequestOptions, tried: [NodeChannel]) -> NodeChannel? {
        let (channels, call) = self.state.withLock { state -> ([NodeChannel], UInt64) in
            guard !state.isClosed, let service = state.services[service] else { return ([], 0) }
            return (service.channels, service.calls)
        }
        return try? self.choose(channels, call, service, options, excluding: tried)
    }

    private func turn(_ service: String, _ endpoint: String) throws -> Turn? {
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
            defer { state.services.values[index].calls &+= 1 }
            return Turn(
                channels: state.services.values[index].channels, call: state.services.values[index].calls, path: path)
        }
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

    /// Asks filter and selector, which may be the user's: without the lock.
    private func choose(
        _ channels: [NodeChannel], _ call: UInt64, _ name: String, _ options: RequestOptions,
        excluding tried: [NodeChannel]
    ) throws -> NodeChannel {
        let selector = options.selector ?? self.configuration.selector
        if tried.isEmpty, options.filter == nil, !channels.isEmpty {
            let position = selector.position(call: call, count: channels.count) { channels.map(\.node) }
            if !channels[position].isSkipped { return channels[position] }
        }
        let wanted = channels.filter { channel in
            !tried.contains { $0 === channel } && (options.filter?(channel.node, channel.version) ?? true)
        }
        // Nodes that are all skipped are better than no node: one of them may be back.
        let reachable = wanted.filter { !$0.isSkipped }
        let candidates = reachable.isEmpty ? wanted : reachable
        guard !candidates.isEmpty else { throw MicroError.noneAvailable(name) }
        return candidates[selector.position(call: call, count: candidates.count) { candidates.map(\.node) }]
    }
}
