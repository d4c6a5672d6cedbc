// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// How a call gets from a service's name to its nodes.
extension ClientCore {
    /// The nodes that may take a call. Waits for the registry if need be.
    func firstTurn(_ call: OutgoingCall) async throws -> Turn {
        if let address = call.options.address {
            return Turn(set: try self.directSet(address), path: try Self.path(call.service, call.endpoint))
        }
        if let turn = try self.turn(call.service, call.endpoint) { return turn }
        try await self.find(call.service, call.deadline)
        guard let turn = try self.turn(call.service, call.endpoint) else { throw self.notFound(call.service) }
        return turn
    }

    func notFound(_ service: String) -> MicroError {
        MicroError.serviceNotFound(service, registry: self.registry.name)
    }

    /// Waits until the service is known. Only the first calls to a service come here.
    ///
    /// A service that is missing from the mirror may be so new that its event is still under way: then the registry
    /// itself knows it, and the event is waited for.
    private func find(_ service: String, _ deadline: NIODeadline?) async throws {
        self.startWatching()
        let (forRegistry, forMirror) = (self.configuration.registryPatience, self.configuration.mirrorPatience)
        let isKnown = try await self.wait(for: service, until: deadline, patience: forRegistry) { $0 != nil }
        guard let isKnown else {
            throw MicroError(
                .unavailable, "the registry \"\(self.registry.name)\" has not answered", id: MicroError.clientID)
        }
        if isKnown { return }
        let known: [ServiceRecord]
        do {
            known = try await self.registry.services(named: service)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            var notFound = MicroError.serviceNotFound(service)
            notFound.detail += "; registry \"\(self.registry.name)\" could not be asked: \(error)"
            throw notFound
        }
        guard known.contains(where: { !$0.nodes.isEmpty }) else { throw self.notFound(service) }
        if try await self.wait(for: service, until: deadline, patience: forMirror, { $0 == true }) != true {
            throw self.notFound(service)
        }
    }

    private func wait(
        for service: String, until deadline: NIODeadline?, patience: Duration, _ isEnough: (Bool?) -> Bool
    ) async throws -> Bool? {
        let start = ContinuousClock.now
        let rest = deadline.map { Duration($0 - .now()) } ?? patience
        let end = start + min(patience, rest)
        while true {
            let look = try self.look(for: service)
            if isEnough(look.isKnown) { return look.isKnown }
            guard ContinuousClock.now < end else {
                guard rest < patience else { return look.isKnown }
                var late = MicroError.deadlineExceeded
                if look.isKnown == nil { late.detail += "; the registry \"\(self.registry.name)\" has not answered" }
                throw late
            }
            try await self.nextChange(after: look.changes, until: end)
        }
    }
}
