// SPDX-License-Identifier: Apache-2.0

package import Logging
package import MartletGRPCWire
package import MartletNode
import MartletPeerWire
import MartletRaft
import MartletReplica
import MartletWALCodec
package import NIOCore

/// A member's client side: the etcd services on our wire.
///
/// All handlers run on one event loop, the store's, as events: there is no task between a request and the store, and
/// for connections of that loop no queue. Those of other loops reach it in batches.
package final class EtcdServer: Sendable {
    package let configuration: EtcdServerConfiguration
    /// The number of the cluster, which stands in every answer.
    package let clusterID: UInt64
    private let store: NIOLoopBound<MemberStore>
    private let methods: EtcdMethods
    private let gateway: Gateway
    private let bridges: LoopBridges
    /// Answers unary calls of clients in the same process, for the wire to be told.
    package let localCalls: LocalCalls
    /// Count the calls of clients, for the wire to be told; the gateway's calls are among them.
    package let meters: CallMeters
    private let probes = ProbeCounter()

    /// On the store's loop.
    private init(_ store: MemberStore, serving loops: [any EventLoop]) {
        configuration = store.configuration
        clusterID = store.identity.clusterID
        self.store = NIOLoopBound(store, eventLoop: store.eventLoop)
        methods = Self.methods(of: self.store)
        bridges = LoopBridges(memberLoop: store.eventLoop, serving: loops)
        localCalls = LocalCalls(
            methods, maximumMessageBytes: configuration.wireLimitBytes, on: store.eventLoop)
        meters = CallMeters(
            eventLoops: [store.eventLoop] + loops.filter { $0 !== store.eventLoop },
            measuresTime: configuration.timesCalls
        ) { path in CallKind(path: path) != .unary }
        let meter = meters.meter(of: store.eventLoop)
        if configuration.countsCalls {
            // A series that begins with its first failure shows no rise.
            for path in methods.paths + CallKind.healthMethods { _ = meter?.method(path) }
        }
        gateway = Gateway(
            methods: methods, eventLoop: store.eventLoop, maximumMessageBytes: configuration.wireLimitBytes,
            meter: meter)
    }

    /// An empty store in memory, ready to serve.
    ///
    /// - Parameter loops: of the connections; the store's may be among them.
    package static func start(
        configuration: EtcdServerConfiguration, logger: Logger, on eventLoop: any EventLoop,
        serving loops: [any EventLoop] = []
    ) async throws -> EtcdServer {
        let server = try await begin(on: eventLoop, serving: loops) {
            MemberStore(configuration: configuration, logger: logger, eventLoop: eventLoop)
        }
        try await server.ready()
        return server
    }

    /// The store in a folder, ready to serve; see `begin`.
    package static func start(
        _ data: OpenedData, configuration: EtcdServerConfiguration, logger: Logger, on eventLoop: any EventLoop,
        serving loops: [any EventLoop] = [], onFailure: @escaping @Sendable (MemberFailure) -> Void
    ) async throws -> EtcdServer {
        let server = try await begin(
            data, configuration: configuration, logger: logger, on: eventLoop, serving: loops, onFailure: onFailure)
        try await server.ready()
        return server
    }

    /// The store in a folder. It is ready to serve when `ready()` returns: a member of several needs the others, so
    /// that they must be able to reach it before.
    ///
    /// - Parameters:
    ///   - loops: of the connections; the store's may be among them.
    ///   - onFailure: called once, on the loop, when the member can't go on: the process must end.
    package static func begin(
        _ data: OpenedData, configuration: EtcdServerConfiguration, logger: Logger, on eventLoop: any EventLoop,
        serving loops: [any EventLoop] = [], onFailure: @escaping @Sendable (MemberFailure) -> Void
    ) async throws -> EtcdServer {
        try await begin(on: eventLoop, serving: loops) {
            let member = Member(
                data.replica, data: data, configuration: configuration.member, logger: logger, eventLoop: eventLoop)
            member.onFailure = onFailure
            let identity = MemberIdentity(clusterID: data.metadata.clusterID, memberID: data.metadata.memberID)
            let store = MemberStore(configuration: configuration, member: member, identity: identity)
            let peers = ClusterPeers(
                member, identity, known: configuration.knownMembers, tls: configuration.peerTLS, logger: logger)
            store.peers = peers
            store.corruptionCheck = CorruptionCheck(store, peers)
            return store
        }
    }

    private static func begin(
        on eventLoop: any EventLoop, serving loops: [any EventLoop], _ make: @escaping @Sendable () -> MemberStore
    ) async throws -> EtcdServer {
        try await eventLoop.submit {
            let server = EtcdServer(make(), serving: loops)
            server.store.value.startCompacting()
            try server.store.value.member.start()
            return server
        }.get()
    }

    /// Returns when all that the member had acknowledged is applied again, and its cluster has a leader.
    ///
    /// - Throws: ``CorruptionFound`` where it is to compare what it holds with what others do, and one differs.
    package func ready() async throws {
        try await store.eventLoop.flatSubmit { [store] in store.value.member.ready }.get()
        try await store.eventLoop.flatSubmit { [store] in store.value.compareAtStart() }.get()
    }

    /// The member, for servers of other protocols on the same loop.
    package var member: NIOLoopBound<Member> {
        get async throws {
            try await store.eventLoop.submit { [store] in
                NIOLoopBound(store.value.member, eventLoop: store.value.eventLoop)
            }.get()
        }
    }

    /// Ends watches; other calls go on.
    package func endWatches() async throws {
        try await store.eventLoop.submit { [store] in store.value.endWatches() }.get()
    }

    /// Ends the member. Its folder is free when this returns.
    package func stop() async throws {
        localCalls.refuse()
        try await store.eventLoop.flatSubmit { [store, localCalls] in
            store.value.endWatches()
            let ending = store.value.member.stop()
            store.value.peers?.close()
            return ending.always { _ in localCalls.end() }
        }.get()
    }

    /// Answers a request of HTTP/1.1: the gateway's, or one of the plain endpoints.
    package func respond(to request: HTTP1Request) async -> HTTP1Response {
        let path = RequestTarget(request.uri).path
        guard path.hasPrefix(RequestTarget.gatewayPrefix) else { return await respondPlainly(to: request) }
        return await gateway.respond(to: request, path: path)
    }

    private func respondPlainly(to request: HTTP1Request) async -> HTTP1Response {
        if PlainEndpoints.asksForMetrics(request) { return await respondMetrics(to: request) }
        let reads = PlainEndpoints.asksTheCluster(request)
        let state = try? await store.eventLoop.flatSubmit { [store] in
            reads
                ? MemberState.afterRead(of: store.value)
                : store.eventLoop.makeSucceededFuture(MemberState(store.value))
        }.get()
        // The loop has ended.
        guard let state else { return HTTP1Response(status: 503) }
        return PlainEndpoints.respond(to: request, state: state, noting: probes)
    }

    /// The counts are copied on the loop; the page, some hundred kilobytes, is written elsewhere.
    private func respondMetrics(to request: HTTP1Request) async -> HTTP1Response {
        let copy = try? await store.eventLoop.submit { [store] in
            (state: MemberState(store.value), sample: MetricsSample(store.value))
        }.get()
        let calls = try? await meters.counts()
        // The loop has ended.
        guard let copy, let calls else { return HTTP1Response(status: 503) }
        let probes = probes
        return await Task(executorPreference: globalConcurrentExecutor) {
            var sample = copy.sample
            sample.calls = calls
            sample.probes = probes.counts
            sample.process = .current()
            return PlainEndpoints.respond(to: request, state: copy.state, metrics: MetricsPage.text(for: sample))
        }.value
    }

    /// Adds what other members ask for to `router`, whose connections are to be on the member's loop.
    package func addPeerRoutes(to router: inout GRPCRouter) async throws {
        let (store, methods) = (store, methods)
        let peers = try await store.eventLoop.submit {
            store.value.peers.map {
                let loop = store.value.eventLoop
                return (
                    NIOLoopBound($0, eventLoop: loop), PeerService($0, on: loop), StateReceiver($0.member, $0)
                )
            }
        }.get()
        guard let (peers, service, receiver) = peers else { return }
        service.addRoutes(to: &router)
        receiver.addRoute(to: &router)
        ClusterPeers.add(CorruptionCheck.path, to: &router, peers) { call, message in
            MaintenanceService(store: store.value).hashKV(call, message)
        }
        ClusterPeers.add(LeaderCalls.path, to: &router, peers) { call, message in
            let refusal = GRPCStatus(.invalidArgument, "no call that is sent on")
            guard let request = LeaderCalls.Request(message), LeaderCalls.methods.contains(request.path) else {
                return call.finish(refusal)
            }
            // It is not sent on once more: whoever asks again finds another leader.
            guard !store.value.asksLeader else { return call.finish(EtcdError.leaderChanged.status) }
            let forwarded = ForwardedCall(call, request)
            switch methods[request.path] {
            case .unary(let handler): handler(forwarded, request.message)
            case .stream(let make): make(forwarded).received(request.message)
            case .task, nil: call.finish(refusal)
            }
        }
        ClusterPeers.add(ClusterList.path, to: &router, peers) { call, _ in
            call.respond(ClusterList(store.value.identity.clusterID, store.value.member.cluster).encoded())
        }
        for isShard in [false, true] {
            ClusterPeers.add(MessageFan.path(isShard: isShard), to: &router, peers) { call, message in
                guard let messages = ChannelMessage.list(message, isShard: isShard) else {
                    return call.finish(GRPCStatus(.invalidArgument, "messages that can't be read"))
                }
                store.value.member.commandClients?.take(messages)
                call.respond([])
            }
        }
    }

    /// Answers a request of HTTP/1.1 that came to the peers' port.
    package func respondToPeer(_ request: HTTP1Request) async -> HTTP1Response {
        if RequestTarget(request.uri).path == "/health" { return await respondPlainly(to: request) }
        let answer = try? await store.eventLoop.submit { [store] in
            PeerEndpoints.respond(
                to: request, store.value.member.cluster, clusterID: store.value.identity.clusterID)
        }.get()
        // The loop has ended.
        return answer ?? HTTP1Response(status: 503)
    }

    /// Hands leadership over, if this member leads others; returns when another leads, or when that took too long.
    package func leaveLeadership() async throws {
        try await store.eventLoop.flatSubmit { [store] in
            let done = store.value.eventLoop.makePromise(of: Void.self)
            let member = store.value.member
            guard member.status.isLeader, member.cluster.configuration.voters.count > 1 else {
                done.succeed()
                return done.futureResult
            }
            member.transferLeadership(to: nil) { _ in done.succeed() }
            return done.futureResult
        }.get()
    }

    /// Adds the services' methods to `router`.
    package func addRoutes(to router: inout GRPCRouter) {
        methods.addRoutes(to: &router, bridges)
    }

    private static func methods(of store: NIOLoopBound<MemberStore>) -> EtcdMethods {
        var methods = EtcdMethods()
        func unary(_ path: String, _ serve: @escaping @Sendable (MemberStore, any EtcdCall, [UInt8]) -> Void) {
            let method = LeaderCalls.methods.contains(path) ? askingLeader(path, serve) : serve
            let requirement = CallGate.requirement(of: path)
            methods[path] = .unary { call, message in
                let call = store.value.audited(call, path, message)
                guard !store.value.isLearner || store.value.servesLearner(path, message) else {
                    return call.fail(.notSupportedForLearner)
                }
                if let requirement, !store.value.meets(requirement, call) { return }
                method(store.value, call, message)
            }
        }
        func stream(
            _ path: String, _ make: @escaping @Sendable (MemberStore, any EtcdCall) -> any ServerCallEvents
        ) {
            precondition(CallGate.requirement(of: path) == nil, "streams ask their callers themselves")
            methods[path] = .stream { call in
                // Streams outlast the moment at which authentication comes on.
                let call = AuditedCall(call, path, of: store.value)
                let events = make(store.value, call)
                if store.value.isLearner { call.fail(.notSupportedForLearner) }
                return events
            }
        }
        @Sendable func askingLeader(
            _ path: String, _ serve: @escaping @Sendable (MemberStore, any EtcdCall, [UInt8]) -> Void
        ) -> @Sendable (MemberStore, any EtcdCall, [UInt8]) -> Void {
            { store, call, message in
                store.asksLeader ? store.askLeader(path, message, for: call) : serve(store, call, message)
            }
        }
        unary("/etcdserverpb.KV/Range") { KVService(store: $0).range($1, $2) }
        stream("/etcdserverpb.KV/RangeStream") { KVService(store: $0).rangeStream($1) }
        unary("/etcdserverpb.KV/Put") { KVService(store: $0).put($1, $2) }
        unary("/etcdserverpb.KV/DeleteRange") { KVService(store: $0).deleteRange($1, $2) }
        unary("/etcdserverpb.KV/Txn") { KVService(store: $0).txn($1, $2) }
        unary("/etcdserverpb.KV/Compact") { KVService(store: $0).compact($1, $2) }
        unary("/martlet.v1.Store/Transact") { StoreService(store: $0).transact($1, $2) }
        stream("/etcdserverpb.Watch/Watch") { WatchService(store: $0).watch($1) }
        unary("/etcdserverpb.Lease/LeaseGrant") { LeaseService(store: $0).grant($1, $2) }
        unary("/etcdserverpb.Lease/LeaseRevoke") { LeaseService(store: $0).revoke($1, $2) }
        stream("/etcdserverpb.Lease/LeaseKeepAlive") { LeaseService(store: $0).keepAlive($1) }
        unary("/etcdserverpb.Lease/LeaseTimeToLive") { LeaseService(store: $0).timeToLive($1, $2) }
        unary("/etcdserverpb.Lease/LeaseLeases") { LeaseService(store: $0).leases($1, $2) }
        unary("/etcdserverpb.Cluster/MemberList") { ClusterService(store: $0).memberList($1, $2) }
        unary("/etcdserverpb.Cluster/MemberAdd") { ClusterService(store: $0).memberAdd($1, $2) }
        unary("/etcdserverpb.Cluster/MemberRemove") { ClusterService(store: $0).memberRemove($1, $2) }
        unary("/etcdserverpb.Cluster/MemberUpdate") { ClusterService(store: $0).memberUpdate($1, $2) }
        unary("/etcdserverpb.Cluster/MemberPromote") { ClusterService(store: $0).memberPromote($1, $2) }
        unary("/martlet.v1.Cluster/ReplaceMember") { ClusterService(store: $0).replaceMember($1, $2) }
        unary("/etcdserverpb.Maintenance/Status") { MaintenanceService(store: $0).status($1, $2) }
        unary("/etcdserverpb.Maintenance/Hash") { MaintenanceService(store: $0).hash($1, $2) }
        unary("/etcdserverpb.Maintenance/HashKV") { MaintenanceService(store: $0).hashKV($1, $2) }
        unary("/etcdserverpb.Maintenance/Defragment") { MaintenanceService(store: $0).defragment($1, $2) }
        unary("/etcdserverpb.Maintenance/MoveLeader") { MaintenanceService(store: $0).moveLeader($1, $2) }
        unary("/etcdserverpb.Maintenance/Downgrade") { MaintenanceService(store: $0).downgrade($1, $2) }
        unary("/etcdserverpb.Maintenance/Alarm") { MaintenanceService(store: $0).alarm($1, $2) }
        let snapshot = "/etcdserverpb.Maintenance/Snapshot"
        methods[snapshot] = .task { credentials, requests, respond in
            try await CallGate.pass(snapshot, credentials, store)
            try await SnapshotService.snapshot(store, requests, respond)
        }
        unary("/etcdserverpb.Auth/AuthEnable") { AuthService(store: $0).enable($1, $2) }
        unary("/etcdserverpb.Auth/AuthDisable") { AuthService(store: $0).disable($1, $2) }
        unary("/etcdserverpb.Auth/AuthStatus") { AuthService(store: $0).status($1, $2) }
        unary("/etcdserverpb.Auth/Authenticate") { AuthService(store: $0).authenticate($1, $2) }
        unary("/etcdserverpb.Auth/UserAdd") { AuthService(store: $0).userAdd($1, $2) }
        unary("/etcdserverpb.Auth/UserGet") { AuthService(store: $0).userGet($1, $2) }
        unary("/etcdserverpb.Auth/UserList") { AuthService(store: $0).userList($1, $2) }
        unary("/etcdserverpb.Auth/UserDelete") { AuthService(store: $0).userDelete($1, $2) }
        unary("/etcdserverpb.Auth/UserChangePassword") { AuthService(store: $0).userChangePassword($1, $2) }
        unary("/etcdserverpb.Auth/UserGrantRole") { AuthService(store: $0).userGrantRole($1, $2) }
        unary("/etcdserverpb.Auth/UserRevokeRole") { AuthService(store: $0).userRevokeRole($1, $2) }
        unary("/etcdserverpb.Auth/RoleAdd") { AuthService(store: $0).roleAdd($1, $2) }
        unary("/etcdserverpb.Auth/RoleGet") { AuthService(store: $0).roleGet($1, $2) }
        unary("/etcdserverpb.Auth/RoleList") { AuthService(store: $0).roleList($1, $2) }
        unary("/etcdserverpb.Auth/RoleDelete") { AuthService(store: $0).roleDelete($1, $2) }
        unary("/etcdserverpb.Auth/RoleGrantPermission") { AuthService(store: $0).roleGrantPermission($1, $2) }
        unary("/etcdserverpb.Auth/RoleRevokePermission") { AuthService(store: $0).roleRevokePermission($1, $2) }
        stream("/v3lockpb.Lock/Lock") { LockService(store: $0).lock($1) }
        unary("/v3lockpb.Lock/Unlock") { LockService(store: $0).unlock($1, $2) }
        stream("/v3electionpb.Election/Campaign") { ElectionService(store: $0).campaign($1) }
        unary("/v3electionpb.Election/Proclaim") { ElectionService(store: $0).proclaim($1, $2) }
        unary("/v3electionpb.Election/Leader") { ElectionService(store: $0).leader($1, $2) }
        stream("/v3electionpb.Election/Observe") { ElectionService(store: $0).observe($1) }
        unary("/v3electionpb.Election/Resign") { ElectionService(store: $0).resign($1, $2) }
        return methods
    }
}
