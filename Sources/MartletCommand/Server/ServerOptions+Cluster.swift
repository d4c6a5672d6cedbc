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
        /// Why a new member can't begin like this. One that has begun knows who it is and who the others are: what is
        /// said of that at later starts counts for nothing, as with etcd.
        package var mistake: String?
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
            let isGiven = flags.isGiven("initial-advertise-peer-urls")
            let listed = cluster.members.first { $0.name == name }
            mistake = cluster.mistake(of: name, advertising: isGiven ? advertised : listed?.peerURLs ?? [])
            own =
                listed
                ?? SnapshotRestore.Member(
                    id: MemberIdentity.memberID(peerURLs: advertised, clusterToken: token), name: name,
                    peerURLs: advertised.sorted())
            // What is left of a cluster goes on alone.
            members = flags.boolean("force-new-cluster") ? [own] : cluster.members
            id = cluster.id
            isNew = flags.string("initial-cluster-state") == "new"
            listenURLs = flags.urls("listen-peer-urls")
            mayStayAlone = members.count == 1 && discovery == nil && !flags.isGiven("listen-peer-urls")
        }
    }
}
