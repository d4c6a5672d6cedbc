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
        id = MemberIdentity.clusterID(memberIDs: members.map(\.id))
    }

    /// Why a new member can't begin with these founders, if it can't. The texts are etcd's.
    ///
    /// - Parameter advertised: what `--initial-advertise-peer-urls` says of the member.
    package func mistake(of name: String, advertising advertised: [String]) -> String? {
        guard let listed = members.first(where: { $0.name == name })?.peerURLs else {
            return "couldn't find local name \(name.goQuoted) in the initial cluster configuration"
        }
        return Self.difference(name, listed, advertised.sorted()) ?? duplicate
    }

    private var duplicate: String? {
        let urls = members.flatMap(\.peerURLs)
        guard Set(urls).count < urls.count else { return nil }
        let pairs = members.flatMap { member in member.peerURLs.map { "\(member.name)=\($0)" } }
        return "initial cluster \(pairs.sorted().joined(separator: ",")) has duplicate url"
    }

    /// Both lists are sorted.
    private static func difference(_ name: String, _ listed: [String], _ advertised: [String]) -> String? {
        let (own, other) = (advertised.map(resolved).sorted(), listed.map(resolved).sorted())
        guard own != other else { return nil }
        func pairs(_ urls: [String]) -> String { urls.map { "\(name)=\($0)" }.joined(separator: ",") }
        let missing = listed.filter { !advertised.contains($0) }
        guard missing.isEmpty else {
            func quoted(_ urls: [String]) -> String { "[" + urls.map(\.goQuoted).joined(separator: " ") + "]" }
            let reason =
                zip(own, other).first { $0 != $1 && own.count == other.count }
                .map { "resolved urls: \($0.goQuoted) != \($1.goQuoted)" }
                ?? "len(\(quoted(advertised))) != len(\(quoted(listed)))"
            return "--initial-cluster has \(pairs(missing)) but missing from "
                + "--initial-advertise-peer-urls=\(advertised.joined(separator: ",")) (\(reason))"
        }
        let unlisted = advertised.filter { !listed.contains($0) }
        return "--initial-advertise-peer-urls has \(unlisted.joined(separator: ",")) but missing from "
            + "--initial-cluster=\(pairs(advertised))"
    }

    /// etcd compares what names stand for; one name needs no name server.
    private static func resolved(_ url: String) -> String {
        url.replacing("://localhost:", with: "://127.0.0.1:")
    }

    /// - Parameter advertised: what `--initial-advertise-peer-urls` says of the member.
    package func member(named name: String, advertising advertised: String) throws -> SnapshotRestore.Member {
        let urls = advertised.split(separator: ",").map { String($0.trimmed) }
        if let mistake = mistake(of: name, advertising: urls) { throw CommandFailure(mistake) }
        guard let member = members.first(where: { $0.name == name }) else { preconditionFailure("it was there") }
        return member
    }
}
