// SPDX-License-Identifier: Apache-2.0

internal import MartletEtcdAPI

extension EtcdClient {
    /// Grants a lease: keys that are put with it go when it ends.
    ///
    /// - Parameters:
    ///   - ttlSeconds: How long it lives without a keep-alive. The server may raise it.
    ///   - id: Its number; none lets the server choose.
    public func grantLease(ttlSeconds: Int64, id: EtcdLeaseID = .none) async throws -> EtcdLease {
        var request = Etcdserverpb_LeaseGrantRequest()
        request.ttl = ttlSeconds
        request.id = id.rawValue
        let response: Etcdserverpb_LeaseGrantResponse = try await self.request(
            "/etcdserverpb.Lease/LeaseGrant", request, .ifNotExecuted)
        return EtcdLease(id: EtcdLeaseID(rawValue: response.id), ttlSeconds: response.ttl)
    }

    /// Ends a lease; its keys go with it.
    public func revokeLease(_ id: EtcdLeaseID) async throws {
        var request = Etcdserverpb_LeaseRevokeRequest()
        request.id = id.rawValue
        let _: Etcdserverpb_LeaseRevokeResponse = try await self.request(
            "/etcdserverpb.Lease/LeaseRevoke", request, .always)
    }

    /// Asks how a lease stands.
    ///
    /// - Throws: ``EtcdError/Code/leaseNotFound`` when it is gone.
    public func leaseStatus(_ id: EtcdLeaseID, withKeys: Bool = false) async throws -> EtcdLeaseStatus {
        var request = Etcdserverpb_LeaseTimeToLiveRequest()
        request.id = id.rawValue
        request.keys = withKeys
        let response: Etcdserverpb_LeaseTimeToLiveResponse = try await self.request(
            "/etcdserverpb.Lease/LeaseTimeToLive", request, .always)
        guard response.ttl >= 0 else { throw Self.leaseNotFound }
        return EtcdLeaseStatus(
            id: EtcdLeaseID(rawValue: response.id), remainingSeconds: response.ttl,
            grantedSeconds: response.grantedTtl, keys: response.keys.map { [UInt8]($0) })
    }

    /// The ids of all leases.
    public func leases() async throws -> [EtcdLeaseID] {
        let response: Etcdserverpb_LeaseLeasesResponse = try await self.request(
            "/etcdserverpb.Lease/LeaseLeases", Etcdserverpb_LeaseLeasesRequest(), .always)
        return response.leases.map { EtcdLeaseID(rawValue: $0.id) }
    }

    /// Renews a lease once. All renewals of a client share one stream.
    ///
    /// - Returns: How long it lives from now on, in seconds.
    /// - Throws: ``EtcdError/Code/leaseNotFound`` when it is gone.
    @discardableResult
    public func keepAliveOnce(_ id: EtcdLeaseID) async throws -> Int64 {
        try await self.keepAliveOnce(id, within: self.timeout)
    }

    func keepAliveOnce(_ id: EtcdLeaseID, within limit: Duration) async throws -> Int64 {
        let ttlSeconds = try await self.leases.renew(id.rawValue, within: limit)
        guard ttlSeconds > 0 else { throw Self.leaseNotFound }
        return ttlSeconds
    }

    /// Renews a lease every third of its life, until the task is cancelled or the lease is gone.
    ///
    /// While no server can be reached it tries again every half second, until the lease would have ended.
    public func keepAlive(_ id: EtcdLeaseID) async throws {
        var pace = LeasePace()
        while true {
            let pause: Duration
            let sent = ContinuousClock.now
            do {
                pause = pace.renewed(ttlSeconds: try await self.keepAliveOnce(id), at: sent)
            } catch let error as EtcdError where error.code == .unavailable || error.code == .timeout {
                guard let retry = pace.failed(at: .now) else {
                    throw EtcdError(
                        .leaseNotFound, "the lease ended while no server could be reached: \(error.message)")
                }
                pause = retry
            }
            try await Task.sleep(for: pause)
        }
    }

    private static var leaseNotFound: EtcdError {
        EtcdError(.leaseNotFound, "etcdserver: requested lease not found", wasNotExecuted: true)
    }
}
