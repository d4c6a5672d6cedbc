// SPDX-License-Identifier: Apache-2.0

/// What runs around the life of a service, in the order in which it was added.
struct ServiceHooks: Sendable {
    var beforeStart: [@Sendable () async throws -> Void] = []
    var afterStart: [@Sendable (NodeRecord) async throws -> Void] = []
    var beforeStop: [@Sendable () async -> Void] = []
    var afterStop: [@Sendable () async -> Void] = []
}

extension MicroService {
    /// Runs code before the service listens; throwing keeps it from starting.
    public mutating func beforeStart(_ hook: @escaping @Sendable () async throws -> Void) {
        self.hooks.beforeStart.append(hook)
    }

    /// Runs code when the service listens and has tried to register; throwing ends it again.
    public mutating func afterStart(_ hook: @escaping @Sendable (NodeRecord) async throws -> Void) {
        self.hooks.afterStart.append(hook)
    }

    /// Runs code before the service leaves the registry. It is cancelled after the configuration's `hookLimit`.
    public mutating func beforeStop(_ hook: @escaping @Sendable () async -> Void) {
        self.hooks.beforeStop.append(hook)
    }

    /// Runs code after the last call. It is cancelled after the configuration's `hookLimit`.
    public mutating func afterStop(_ hook: @escaping @Sendable () async -> Void) {
        self.hooks.afterStop.append(hook)
    }

    /// The configuration's hook first, for each moment.
    var allHooks: ServiceHooks {
        var hooks = self.hooks
        if let first = self.configuration.beforeStart { hooks.beforeStart.insert(first, at: 0) }
        if let first = self.configuration.afterStart { hooks.afterStart.insert(first, at: 0) }
        if let first = self.configuration.beforeStop { hooks.beforeStop.insert(first, at: 0) }
        if let first = self.configuration.afterStop { hooks.afterStop.insert(first, at: 0) }
        return hooks
    }
}
