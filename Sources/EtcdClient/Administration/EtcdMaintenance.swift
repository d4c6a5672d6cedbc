// SPDX-License-Identifier: Apache-2.0

internal import MartletEtcdAPI

/// Looks after servers: how they are, alarms, space, copies of their data. See ``EtcdClient/maintenance``.
///
/// Most of it is about one server. It is named by one of the client's endpoints; without a name it is the one in use.
public struct EtcdMaintenance: Sendable {
    let client: EtcdClient

    /// How a server stands.
    public func status(of endpoint: String? = nil) async throws -> EtcdServerStatus {
        let response: Etcdserverpb_StatusResponse = try await self.client.request(
            "/etcdserverpb.Maintenance/Status", Etcdserverpb_StatusRequest(), .always, on: endpoint)
        return EtcdServerStatus(response)
    }

    /// All alarms that are on.
    public func alarms() async throws -> [EtcdAlarm] { try await self.alarm(.get, nil) }

    /// Raises an alarm by hand.
    @discardableResult
    public func raise(_ alarm: EtcdAlarm) async throws -> [EtcdAlarm] { try await self.alarm(.activate, alarm) }

    /// Takes an alarm back, once its cause is gone.
    ///
    /// - Returns: What was taken back.
    @discardableResult
    public func disarm(_ alarm: EtcdAlarm) async throws -> [EtcdAlarm] { try await self.alarm(.deactivate, alarm) }

    private func alarm(
        _ action: Etcdserverpb_AlarmRequest.AlarmAction, _ alarm: EtcdAlarm?
    ) async throws -> [EtcdAlarm] {
        var request = Etcdserverpb_AlarmRequest()
        request.action = action
        request.memberID = alarm?.member.rawValue ?? 0
        request.alarm = alarm?.kind.wire ?? .none
        // Raised or taken back twice is as good as once.
        let response: Etcdserverpb_AlarmResponse = try await self.client.request(
            "/etcdserverpb.Maintenance/Alarm", request, .always)
        return response.alarms.compactMap { EtcdAlarm($0) }
    }

    /// Gives the space of a server's data file that holds nothing back to the system. etcd serves nothing meanwhile.
    public func defragment(_ endpoint: String? = nil) async throws {
        let _: Etcdserverpb_DefragmentResponse = try await self.client.request(
            "/etcdserverpb.Maintenance/Defragment", Etcdserverpb_DefragmentRequest(), .ifNotExecuted, on: endpoint,
            timeout: self.client.maintenanceTimeout)
    }

    /// The hash of a server's keys with their history. Servers of one kind that stand at one revision, compacted at one
    /// revision, must agree on it.
    ///
    /// - Parameter revision: Up to which revision; 0 for the newest.
    public func hashOfKeys(at revision: Int64 = 0, of endpoint: String? = nil) async throws -> EtcdKeysHash {
        var request = Etcdserverpb_HashKVRequest()
        request.revision = revision
        let response: Etcdserverpb_HashKVResponse = try await self.client.request(
            "/etcdserverpb.Maintenance/HashKV", request, .always, on: endpoint,
            timeout: self.client.maintenanceTimeout)
        return EtcdKeysHash(response)
    }

    /// The hash of a server's whole data file; for tests.
    public func hashOfFile(of endpoint: String? = nil) async throws -> UInt32 {
        let response: Etcdserverpb_HashResponse = try await self.client.request(
            "/etcdserverpb.Maintenance/Hash", Etcdserverpb_HashRequest(), .always, on: endpoint,
            timeout: self.client.maintenanceTimeout)
        return response.hash
    }

    /// Makes another member the leader.
    ///
    /// - Parameter endpoint: The endpoint of the member that leads now; only that one can.
    public func moveLeader(to member: EtcdMemberID, from endpoint: String? = nil) async throws {
        var request = Etcdserverpb_MoveLeaderRequest()
        request.targetID = member.rawValue
        let _: Etcdserverpb_MoveLeaderResponse = try await self.client.request(
            "/etcdserverpb.Maintenance/MoveLeader", request, .ifNotExecuted, on: endpoint)
    }

    /// What is done about a downgrade of the cluster.
    public enum Downgrade: Hashable, Sendable { case validate, enable, cancel }

    /// Prepares the cluster for servers of the next lower minor version.
    ///
    /// - Parameters:
    ///   - version: That version, such as `3.5`; not needed to cancel.
    /// - Returns: The version of the cluster.
    @discardableResult
    public func downgrade(_ action: Downgrade, to version: String = "") async throws -> String {
        var request = Etcdserverpb_DowngradeRequest()
        request.action =
            switch action {
            case .validate: .validate
            case .enable: .enable
            case .cancel: .cancel
            }
        request.version = version
        let response: Etcdserverpb_DowngradeResponse = try await self.client.request(
            "/etcdserverpb.Maintenance/Downgrade", request, .ifNotExecuted)
        return response.version
    }
}

extension EtcdClient {
    /// What looks after servers.
    public var maintenance: EtcdMaintenance { EtcdMaintenance(client: self) }
}
