// SPDX-License-Identifier: Apache-2.0

import MartletEtcdServer
package import MartletNode

extension ServerOptions {
    /// Whom this member begins with, and where the others reach it.
    package struct Cluster: Sendable, Equatable {
        /// This member among them.
        package var members: [SnapshotRestore.Member]
        package var own: SnapshotRestore.Member
        package var id: UInt64
        /// Whether the cluster begins with its members, or is there and was told of this one.
        package var isNew: Bool
        /// Where the members are found instead of being named.
        package var discovery: Discovery?
        package var listenURLs: [ServerURL]
        /// Whether it is no matter if nobody can be listened to: nobody asked for it.
        package var mayStayAlone: Bool

        package var others: [SnapshotRestore.Member] { members.filter { $0 != own } }

        init(_ flags: ServerFlags) throws(ServerFlagError) {
            let name = flags.string("name")
            let advertised = flags.string("initial-advertise-peer-urls").split(separator: ",").map { $0.trimmed }
            discovery = try Discovery(flags)
            let token = discovery?.token ?? flags.string("initial-cluster-token")
            var text = flags.string("initial-cluster")
            if text.isEmpty { text = advertised.map { "\(name)=\($0)" }.joined(separator: ",") }
            let cluster: InitialCluster
            do throws(InitialCluster.Malformed) {
                cluster = try InitialCluster(text, token: token)
            } catch {
                throw .conflict(error.reason)
            }
            guard let own = cluster.members.first(where: { $0.name == name }) else {
                throw .conflict("couldn't find local name \(name.goQuoted) in the initial cluster configuration")
            }
            let isGiven = flags.isGiven("initial-advertise-peer-urls")
            guard Set(own.peerURLs.map(Self.resolved)) == Set(advertised.map(Self.resolved)) || !isGiven else {
                throw .conflict(
                    "--initial-cluster has \(own.peerURLs.map { "\(name)=\($0)" }.joined(separator: ",")) but missing "
                        + "from --initial-advertise-peer-urls=\(advertised.joined(separator: ","))")
            }
            self.own = own
            // What is left of a cluster goes on alone.
            members = flags.boolean("force-new-cluster") ? [own] : cluster.members
            id = cluster.id
            isNew = flags.string("initial-cluster-state") == "new"
            listenURLs = flags.urls("listen-peer-urls")
            mayStayAlone = members.count == 1 && discovery == nil && !flags.isGiven("listen-peer-urls")
        }

        /// etcd compares what names stand for; one name needs no name server.
        private static func resolved(_ url: String) -> String {
            url.replacing("://localhost:", with: "://127.0.0.1:")
        }
    }
}
