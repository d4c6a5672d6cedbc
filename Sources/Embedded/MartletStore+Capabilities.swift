// SPDX-License-Identifier: Apache-2.0

extension MartletStore {
    /// Finds out whether the store has all that is required.
    ///
    /// - Throws: ``MartletStoreError/Code/lacking`` with a sentence for the first that it lacks.
    func check(_ required: Set<StoreCapability>) async throws {
        // Always the same one is named first.
        for capability in required.sorted(by: { $0.description < $1.description }) where try await !has(capability) {
            throw MartletStoreError(
                .lacking,
                "the store at \(address) lacks \(capability), which this program requires: \(capability.owners)")
        }
    }

    private func has(_ capability: StoreCapability) async throws -> Bool {
        let servers: StoreAddress.Servers
        switch address.place {
        // The keyspace of this very version has every command.
        case .embedded(let path): return capability != .durableStreams || path != nil
        case .servers(let named): servers = named
        }
        if capability == .keys { return !servers.keys.isEmpty }
        if capability == .transactions {
            let union = try await learnUnion("\(capability), which this program requires")
            if case .torn(let keys, let streams) = union { throw separateClusters(keys, streams) }
            return union == .whole
        }
        guard !servers.streams.isEmpty else { return false }
        if capability == .streams { return true }
        do {
            if let command = capability.command { return try await streams.knows(command) }
            return try await keepsStreams()
        } catch let error as RedisError {
            throw MartletStoreError(
                .unavailable,
                "the store at \(address) can't be asked for \(capability), which this program requires: "
                    + error.message,
                cause: error)
        }
    }

    /// Whether what they acknowledge is on disk.
    private func keepsStreams() async throws -> Bool {
        if try await streams.info("server")["server_name"] == "martlet" {
            return try await streams.info("persistence")["aof_enabled"] == "1"
        }
        let settings = try await streams.configGet("append*")
        return settings["appendonly"] == "yes" && settings["appendfsync"] == "always"
    }
}
