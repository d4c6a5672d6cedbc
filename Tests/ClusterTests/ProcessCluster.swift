// SPDX-License-Identifier: Apache-2.0

import MartletEtcdClient
import MartletTestPrograms
import Testing

/// What tests ask of clusters of processes.
enum ProcessCluster {
    static func client(_ members: [EtcdProcess]) throws -> EtcdClient {
        var configuration = EtcdClient.Configuration(endpoints: members.map(\.endpoint))
        configuration.timeout = .seconds(120)
        return try EtcdClient(configuration)
    }

    /// The leader, and the others.
    static func split(_ members: [EtcdProcess]) async throws -> (EtcdProcess, [EtcdProcess]) {
        let client = try client(members)
        var leader: EtcdProcess?
        _ = try await eventually {
            for member in members where (try? await client.maintenance.status(of: member.endpoint))?.isLeader == true {
                leader = member
            }
            return leader != nil
        }
        await client.close()
        let found = try #require(leader)
        return (found, members.filter { $0 !== found })
    }

    static func control(_ members: [EtcdProcess], _ arguments: String...) async throws -> String {
        let program = try #require(EtcdProcess.control)
        let endpoints = "--endpoints=" + members.map(\.endpoint).joined(separator: ",")
        // Its own limits, a few seconds, are passed where both cores are taken.
        return try await output(
            of: "/usr/bin/env",
            ["ETCDCTL_API=3", program, "--dial-timeout=60s", "--command-timeout=120s", endpoints] + arguments)
    }

    /// Puts a key by etcd's tool, again where the outcome isn't known: who had led may have gone with the first.
    static func put(_ members: [EtcdProcess], _ key: String, _ value: String) async throws -> Bool {
        try await eventually { (try? await control(members, "put", key, value)) == "OK" }
    }

    /// Their names and peer URLs.
    static func named(_ members: [EtcdProcess]) async throws -> [(name: String, peerURL: String)] {
        let client = try client(members)
        let list = try await client.cluster.members()
        await client.close()
        return list.map { (name: $0.name, peerURL: $0.peerURLs[0]) }
    }
}
