// SPDX-License-Identifier: Apache-2.0

internal import MartletEtcdAPI

/// The members of the cluster: who they are, and how that changes. See ``EtcdClient/cluster``.
public struct EtcdCluster: Sendable {
    let client: EtcdClient

    /// All members.
    ///
    /// - Parameter isLinearizable: Whether the list is the cluster's at this moment; else it is what the asked member
    ///   knows, which it tells even where the cluster can't work.
    public func members(isLinearizable: Bool = true) async throws -> [EtcdMember] {
        var request = Etcdserverpb_MemberListRequest()
        request.linearizable = isLinearizable
        let response: Etcdserverpb_MemberListResponse = try await self.client.request(
            "/etcdserverpb.Cluster/MemberList", request, .always, needsLeader: isLinearizable)
        return response.members.map { EtcdMember($0) }
    }

    /// The number of the cluster, as whichever member is asked has it.
    package func number() async throws -> UInt64 {
        let response: Etcdserverpb_MemberListResponse = try await self.client.request(
            "/etcdserverpb.Cluster/MemberList", Etcdserverpb_MemberListRequest(), .always, needsLeader: false)
        return response.header.clusterID
    }

    /// Announces a new member, which then is to be started.
    ///
    /// - Parameters:
    ///   - peerURLs: Where the others will reach it.
    ///   - isLearner: Whether it has no vote until it is promoted. Better so: it can't hold up the others while it
    ///     fetches the data.
    /// - Returns: The new member.
    public func addMember(peerURLs: [String], isLearner: Bool = false) async throws -> EtcdMember {
        var request = Etcdserverpb_MemberAddRequest()
        request.peerUrls = peerURLs
        request.isLearner = isLearner
        let response: Etcdserverpb_MemberAddResponse = try await self.client.request(
            "/etcdserverpb.Cluster/MemberAdd", request, .ifNotExecuted)
        return EtcdMember(response.member)
    }

    /// Takes a member out of the cluster. It may never come back, not under its number.
    ///
    /// - Returns: The members that are left.
    @discardableResult
    public func removeMember(_ id: EtcdMemberID) async throws -> [EtcdMember] {
        var request = Etcdserverpb_MemberRemoveRequest()
        request.id = id.rawValue
        let response: Etcdserverpb_MemberRemoveResponse = try await self.client.request(
            "/etcdserverpb.Cluster/MemberRemove", request, .ifNotExecuted)
        return response.members.map { EtcdMember($0) }
    }

    /// Changes where the others reach a member.
    ///
    /// - Returns: All members.
    @discardableResult
    public func updateMember(_ id: EtcdMemberID, peerURLs: [String]) async throws -> [EtcdMember] {
        var request = Etcdserverpb_MemberUpdateRequest()
        request.id = id.rawValue
        request.peerUrls = peerURLs
        let response: Etcdserverpb_MemberUpdateResponse = try await self.client.request(
            "/etcdserverpb.Cluster/MemberUpdate", request, .ifNotExecuted)
        return response.members.map { EtcdMember($0) }
    }

    /// Gives a learner a vote, once it has nearly all of the leader's data.
    ///
    /// - Returns: All members.
    @discardableResult
    public func promoteMember(_ id: EtcdMemberID) async throws -> [EtcdMember] {
        var request = Etcdserverpb_MemberPromoteRequest()
        request.id = id.rawValue
        let response: Etcdserverpb_MemberPromoteResponse = try await self.client.request(
            "/etcdserverpb.Cluster/MemberPromote", request, .ifNotExecuted)
        return response.members.map { EtcdMember($0) }
    }

    /// Takes a voter out of the cluster and gives its vote to a learner, once that has nearly all of the leader's data:
    /// in one step, so that there is never a voter more, nor one less. Martlet's servers can do that, etcd's can't.
    ///
    /// - Returns: The members that are left.
    /// - Throws: ``EtcdError``, with ``EtcdError/Code/notSupported`` where a server doesn't know how.
    @discardableResult
    public func replaceMember(_ old: EtcdMemberID, by new: EtcdMemberID) async throws -> [EtcdMember] {
        var request = Martlet_V1_ReplaceMemberRequest()
        request.oldID = old.rawValue
        request.newID = new.rawValue
        let response: Martlet_V1_ReplaceMemberResponse = try await self.client.request(
            "/martlet.v1.Cluster/ReplaceMember", request, .ifNotExecuted)
        return response.members.map { EtcdMember($0) }
    }

    /// From now on sends requests to the client URLs that the members tell of themselves, learners left out, instead
    /// of those the client was made with. Calls that are under way on other connections end as they will, streams are
    /// opened again elsewhere.
    ///
    /// - Returns: The members.
    @discardableResult
    public func useMembersAsEndpoints() async throws -> [EtcdMember] {
        let members = try await self.members()
        let urls = members.filter { !$0.isLearner }.flatMap(\.clientURLs)
        // A cluster that tells none, as one behind a proxy may, is reached as before.
        if !urls.isEmpty { try await self.client.endpoints.replace(with: urls) }
        return members
    }
}

extension EtcdClient {
    /// The members of the cluster.
    public var cluster: EtcdCluster { EtcdCluster(client: self) }
}
