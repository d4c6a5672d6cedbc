// SPDX-License-Identifier: Apache-2.0

import MartletEtcdServer
package import MartletNode

/// The founders of a cluster, from `--initial-cluster`: `name=URL,name=URL`. A name that comes twice has two URLs.
package struct InitialCluster {
    package let members: [SnapshotRestore.Member]
    package let id: UInt64

    package struct Malformed: Error, CustomStringConvertible {
        var reason: String

        package var description: String { reason }
    }

    package init(_ text: String, token: String) throws(Malformed) {
        var urls: [(name: String, urls: [String])] = []
        for part in text.split(separator: ",").map({ $0.trimmed }) {
            let sides = part.split(separator: "=", maxSplits: 1).map(String.init)
            guard sides.count == 2 else {
                throw Malformed(reason: "--initial-cluster: a member is name=URL, not \"\(part)\"")
            }
            do throws(ServerURL.Malformed) {
                _ = try ServerURL(sides[1])
            } catch {
                throw Malformed(reason: "--initial-cluster: \(error.reason)")
            }
            if let place = urls.firstIndex(where: { $0.name == sides[0] }) {
                urls[place].urls.append(sides[1])
            } else {
                urls.append((sides[0], [sides[1]]))
            }
        }
        members = urls.map { member in
            SnapshotRestore.Member(
                id: MemberIdentity.memberID(peerURLs: member.urls, clusterToken: token), name: member.name,
                peerURLs: member.urls.sorted())
        }
        guard Set(members.map(\.id)).count == members.count else {
            throw Malformed(reason: "--initial-cluster: two members have the same URLs")
        }
        id = MemberIdentity.clusterID(memberIDs: members.map(\.id))
    }

    /// - Parameter advertised: what `--initial-advertise-peer-urls` says of the member.
    package func member(named name: String, advertising advertised: String) throws -> SnapshotRestore.Member {
        guard let member = members.first(where: { $0.name == name }) else {
            throw CommandFailure("couldn't find local name \"\(name)\" in the initial cluster configuration")
        }
        let urls = advertised.split(separator: ",").map { String($0.trimmed) }
        guard Set(urls) == Set(member.peerURLs) else {
            throw CommandFailure(
                "--initial-cluster has \(name)=\(member.peerURLs.joined(separator: ",")) but "
                    + "--initial-advertise-peer-urls is \(advertised)")
        }
        return member
    }
}
