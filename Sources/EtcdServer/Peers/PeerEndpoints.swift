// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletGRPCWire
import MartletNode
import MartletRaft
import MartletReplica

/// What the peer port answers beside the members' streams, over plain HTTP, as etcd's does: `/members`, `/version`
/// and `/raft/probing`.
enum PeerEndpoints {
    static func respond(to request: HTTP1Request, _ cluster: ClusterState, clusterID: UInt64) -> HTTP1Response {
        guard request.method == "GET" else { return PlainEndpoints.onlyGET }
        switch RequestTarget(request.uri).path {
        case "/members":
            var response = HTTP1Response.text(200, members(cluster), type: "application/json")
            response.headers.append((clusterHeader, String(clusterID, radix: 16)))
            return response
        case "/version":
            return PlainEndpoints.version(of: EtcdVersion.cluster(cluster))
        case "/raft/probing":
            return .text(200, #"{"OK":true}"#, type: "application/json")
        default:
            return .failure(404, "404 page not found\n")
        }
    }

    static let clusterHeader = "X-Etcd-Cluster-ID"

    /// As etcd lists them: ids in decimal, names and addresses where they are known.
    private static func members(_ cluster: ClusterState) -> String {
        let members = cluster.members.map { member in
            var fields = [
                #""id":\#(member.id.rawValue)"#, #""peerURLs":\#(list(member.peerURLs))"#,
            ]
            if member.isLearner { fields.append(#""isLearner":true"#) }
            if let attributes = member.attributes {
                fields.append(#""name":\#(quoted(attributes.name))"#)
                fields.append(#""clientURLs":\#(list(attributes.clientURLs))"#)
            }
            return "{" + fields.joined(separator: ",") + "}"
        }
        return "[" + members.joined(separator: ",") + "]\n"
    }

    private static func list(_ texts: [String]) -> String {
        "[" + texts.map(quoted).joined(separator: ",") + "]"
    }

    private static func quoted(_ text: String) -> String {
        var bytes: [UInt8] = []
        JSONText.append(text.utf8, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}
