// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import Martlet
internal import MartletEtcdClient

/// One node's key and the lease that keeps it.
actor Registration {
    private let key: String
    private let value: [UInt8]
    private let options: RegistrationOptions
    private let client: EtcdClient
    private let logger: Logger
    /// The address in a record that isn't this node's.
    private let otherAddress: @Sendable (EtcdKeyValue) -> String?
    /// Whom a warning has named: one is enough.
    private var warnedOf: String?

    private(set) var lease: EtcdLeaseID?
    private var first: Task<Void, any Error>?
    private var upkeep: Task<Void, Never>?
    private var isStopped = false

    init(
        key: String, value: [UInt8], options: RegistrationOptions, client: EtcdClient, logger: Logger,
        otherAddress: @escaping @Sendable (EtcdKeyValue) -> String?
    ) {
        self.key = key
        self.value = value
        self.options = options
        self.client = client
        self.logger = logger
        self.otherAddress = otherAddress
    }

    deinit { self.upkeep?.cancel() }

    /// Writes the record and starts to look after it; the second happens even if the first fails.
    ///
    /// - Parameter lease: A lease of an earlier record of the same node.
    /// - Throws: `CancellationError` when the registration is stopped before the record is written.
    func start(adopting lease: EtcdLeaseID?) async throws {
        guard !self.isStopped else { throw CancellationError() }
        self.lease = lease
        let first = Task { try await self.refresh(isFirst: true) }
        self.first = first
        self.upkeep = Task { [weak self, interval = self.options.interval] in
            _ = await first.result
            // Without an interval the record is written once, as go-micro does.
            while interval > .zero {
                do { try await Task.sleep(for: interval.sleepable) } catch { return }
                guard let self else { return }
                await self.check()
            }
        }
        try await withTaskCancellationHandler {
            try await first.value
        } onCancel: {
            first.cancel()
        }
    }

    /// Ends the upkeep and waits for what it is doing, the first write included, so that nothing is written afterwards.
    func stop() async {
        self.isStopped = true
        self.first?.cancel()
        self.upkeep?.cancel()
        _ = await self.first?.result
        await self.upkeep?.value
        self.first = nil
        self.upkeep = nil
    }

    private func check() async {
        do {
            try await self.refresh(isFirst: false)
        } catch is CancellationError {
            // The registration ends.
        } catch {
            self.logger.warning("registration not refreshed", metadata: ["key": "\(self.key)", "error": "\(error)"])
        }
    }

    /// Renews the lease, or grants one, and writes the key unless it is as it should be.
    private func refresh(isFirst: Bool) async throws {
        if let lease = self.lease {
            do {
                try await self.client.keepAliveOnce(lease)
            } catch let error as EtcdError where error.code == .leaseNotFound {
                self.logger.notice("lease lost, granting another", metadata: ["key": "\(self.key)"])
                self.lease = nil
            }
        }
        try Task.checkCancellation()
        if self.lease == nil, self.options.ttl > .zero {
            self.lease = try await self.client.grantLease(ttlSeconds: self.ttlSeconds).id
        }
        if !isFirst {
            let stored = try await self.client.get(.key(self.key)).keyValues.first
            if let stored, stored.value == self.value, stored.leaseID == self.lease ?? .none { return }
            if !self.warn(of: stored) {
                self.logger.notice("record was gone or changed, writing it again", metadata: ["key": "\(self.key)"])
            }
        }
        try Task.checkCancellation()
        let put = try await self.client.put(
            self.key.utf8, self.value, lease: self.lease ?? .none, returningPrevious: isFirst)
        // It may be this node's own from before a restart, so that this isn't certain yet.
        if isFirst, let address = put.previous.flatMap(self.otherAddress) {
            self.logger.notice(
                "took the place of a record with the same node id",
                metadata: ["key": "\(self.key)", "other address": "\(address)"])
        }
    }

    /// Warns of another process that writes its own record where this node's belongs.
    private func warn(of stored: EtcdKeyValue?) -> Bool {
        guard let address = stored.flatMap(self.otherAddress) else { return false }
        guard address != self.warnedOf else { return true }
        self.warnedOf = address
        self.logger.warning(
            "another process registers under the same node id, and each overwrites the other: give them different ones",
            metadata: ["key": "\(self.key)", "other address": "\(address)"])
        return true
    }

    /// The time to live in whole seconds, rounded up.
    private var ttlSeconds: Int64 {
        let (seconds, attoseconds) = self.options.ttl.components
        return attoseconds > 0 && seconds < .max ? seconds + 1 : seconds
    }
}
