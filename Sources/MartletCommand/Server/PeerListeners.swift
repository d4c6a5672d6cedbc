// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import MartletEtcdServer
import MartletGRPCWire
import MartletNode
import MartletPeerWire
import MartletRaft
import MartletReplica
import NIOCore

/// Where a member listens to the others, and how it begins among them.
struct PeerListeners {
    private let urls: [ServerURL]
    private let tls: WireServerTLS?
    private let mayStayAlone: Bool

    /// Works out how the member begins, if its folder is new: alone, with all founders, or in a cluster that is there.
    static func prepare(
        _ options: inout ServerOptions, _ loop: any EventLoop, _ logger: Logger
    ) async throws -> PeerListeners {
        if let mistake = options.cluster.mistake, !options.hasData { throw CommandFailure(mistake) }
        let tls = try options.peerTLS?.server.wire(logger)
        if let tls, let peerTLS = options.peerTLS { options.store.peerTLS = peerTLS.client(tls) }
        if let discovery = options.cluster.discovery, !options.hasData {
            let own = options.cluster.own
            let found = try InitialCluster(try await discovery.join(own, logger: logger), token: discovery.token)
            (options.cluster.members, options.cluster.id) = (found.members, found.id)
        }
        let cluster = options.cluster
        if !cluster.isNew {
            do {
                try await options.join(loop, logger)
            } catch {
                // It has been told before, unless it was ended too soon.
                guard options.hasData else { throw error }
                logger.info("no member was asked who belongs to the cluster", metadata: ["reason": "\(error)"])
            }
        } else if cluster.members.count > 1 {
            if !options.hasData, cluster.discovery == nil { try await options.checkIsNew(loop, logger) }
            options.store.beginning = .together(
                cluster.members.map {
                    MemberContext(member: MemberID($0.id), peerURLs: $0.peerURLs, name: $0.name)
                })
        }
        return PeerListeners(urls: cluster.listenURLs, tls: tls, mayStayAlone: cluster.mayStayAlone)
    }

    /// - Returns: nil where nobody asked to be listened to, and the default port is taken.
    func listen(_ store: EtcdServer, _ loop: any EventLoop, _ logger: Logger) async throws -> WireServer? {
        var router = GRPCRouter()
        try await store.addPeerRoutes(to: &router)
        var configuration = WireServerConfiguration()
        configuration.maximumMessageBytes = PeerFormat.messageBytesMax
        configuration.http1 = { request in await store.respondToPeer(request) }
        configuration.tls = tls
        let server = try WireServer(
            router: router, configuration: configuration, eventLoopGroup: loop, logger: logger)
        for url in urls {
            do {
                let address = try await server.bind(url.wireAddress)
                logger.info("serving peer traffic", metadata: ["address": "\(address.text)"])
            } catch {
                await server.close()
                server.executors.stop()
                guard mayStayAlone else { throw ListenFailure(url: url, cause: error) }
                logger.warning(
                    "no member can join: the default peer URL is taken; see --listen-peer-urls",
                    metadata: ["url": "\(url)"])
                return nil
            }
        }
        return server
    }
}

extension ServerOptions {
    /// Whether the member has begun in an earlier life.
    fileprivate var hasData: Bool {
        let folder = logFolder ?? dataFolder + "/member/wal"
        return (try? FileManager.default.contentsOfDirectory(atPath: folder))?.isEmpty == false
    }

    /// How long each of the others has to say that this member is not new. Source: etcd `bootstrap-timeout`.
    private static var checkTimeout: Duration { .seconds(1) }

    /// Asks the others, if any run, whether this member has been one of them: it must not begin anew, for it would have
    /// forgotten whom it voted for and what it acknowledged. Source: etcd `isMemberBootstrapped`.
    fileprivate func checkIsNew(_ loop: any EventLoop, _ logger: Logger) async throws {
        let list: ClusterList
        do {
            list = try await ClusterList.ask(
                cluster.others.flatMap(\.peerURLs), timeout: Self.checkTimeout, tls: store.peerTLS,
                eventLoopGroup: loop, logger: logger)
        } catch {
            logger.debug("no other member runs yet", metadata: ["reason": "\(error)"])
            return
        }
        let id = cluster.own.id
        guard !list.hasStarted(id) else {
            throw CommandFailure("member \(String(id, radix: 16)) has already been bootstrapped")
        }
    }

    /// How long each member of a cluster that is there has to answer a newcomer.
    private static var joinTimeout: Duration { .seconds(5) }

    /// Asks a cluster that is there who this member is.
    fileprivate mutating func join(_ loop: any EventLoop, _ logger: Logger) async throws {
        let urls = cluster.others.flatMap(\.peerURLs)
        let list: ClusterList
        do {
            list = try await ClusterList.ask(
                urls, timeout: Self.joinTimeout, tls: store.peerTLS, eventLoopGroup: loop, logger: logger)
        } catch {
            throw CommandFailure(
                "cannot fetch cluster info from peer urls: could not retrieve cluster information from the given URLs "
                    + "(\(urls.joined(separator: ", ")): \(error))")
        }
        let own = Set(cluster.own.peerURLs)
        guard let member = list.members.first(where: { Set($0.peerURLs) == own }) else {
            throw CommandFailure(
                "the cluster has no member with the peer URLs \(cluster.own.peerURLs.joined(separator: ",")): "
                    + "add it first, by etcdctl member add")
        }
        guard list.members.count == cluster.members.count else {
            throw CommandFailure(
                "error validating peerURLs: member count is unequal: the cluster has \(list.members.count), "
                    + "--initial-cluster \(cluster.members.count)")
        }
        cluster.own.id = member.id
        cluster.id = list.clusterID
        store.beginning = .joining
        store.knownMembers = list.members
    }
}
