// SPDX-License-Identifier: Apache-2.0

package import Logging
import MartletBasics
package import MartletGRPCWire
import MartletRaft
import MartletReplica
package import NIOCore

/// Who belongs to a running cluster, as a member tells one that is to join: `/martlet.v1.Peer/Members`.
///
/// Cluster id, then a count and the members: id, is learner 0 or 1, name, peer URLs. Lists are a count and their
/// elements, texts a count and their bytes; numbers are varints.
package struct ClusterList: Sendable {
    package struct Member: Hashable, Sendable {
        package var id: UInt64
        package var isLearner: Bool
        /// Empty for one that has not started.
        package var name: String
        package var peerURLs: [String]
    }

    static let path = "/martlet.v1.Peer/Members"

    package var clusterID: UInt64
    package var members: [Member]

    init(_ clusterID: UInt64, _ cluster: ClusterState) {
        self.clusterID = clusterID
        members = cluster.members.map {
            Member(
                id: $0.id.rawValue, isLearner: $0.isLearner, name: $0.attributes?.name ?? "", peerURLs: $0.peerURLs)
        }
    }

    func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        func append(_ text: String) {
            Varint.append(UInt64(text.utf8.count), to: &bytes)
            bytes += text.utf8
        }
        Varint.append(clusterID, to: &bytes)
        Varint.append(UInt64(members.count), to: &bytes)
        for member in members {
            Varint.append(member.id, to: &bytes)
            Varint.append(member.isLearner ? 1 : 0, to: &bytes)
            append(member.name)
            Varint.append(UInt64(member.peerURLs.count), to: &bytes)
            for url in member.peerURLs { append(url) }
        }
        return bytes
    }

    init?(_ bytes: [UInt8]) {
        var offset = 0
        func number() -> UInt64? { Varint.read(bytes.span.bytes, at: &offset) }
        func text() -> String? {
            guard let count = number(), count <= UInt64(bytes.count - offset) else { return nil }
            defer { offset += Int(count) }
            return String(decoding: bytes[offset..<(offset + Int(count))], as: UTF8.self)
        }
        guard let clusterID = number(), let count = number(), count <= UInt64(bytes.count) else { return nil }
        self.clusterID = clusterID
        members = []
        for _ in 0..<count {
            guard let id = number(), let isLearner = number(), let name = text(), let urlCount = number(),
                urlCount <= UInt64(bytes.count)
            else { return nil }
            var urls: [String] = []
            for _ in 0..<urlCount {
                guard let url = text() else { return nil }
                urls.append(url)
            }
            members.append(Member(id: id, isLearner: isLearner == 1, name: name, peerURLs: urls))
        }
    }

    /// Whether a member has begun in an earlier life: it has published itself.
    package func hasStarted(_ id: UInt64) -> Bool { members.contains { $0.id == id && !$0.name.isEmpty } }

    /// Asks the members at `urls`, one after the other, until one answers.
    ///
    /// - Parameter timeout: how long each may take.
    /// - Throws: what the last one answered, or why it did not.
    package static func ask(
        _ urls: [String], timeout: Duration, tls: WireClientTLS?, eventLoopGroup: any EventLoopGroup, logger: Logger
    ) async throws -> ClusterList {
        var failure: any Error = GRPCStatus(.unavailable, "no peer URL to ask")
        for url in urls.compactMap(PeerURL.init) {
            var configuration = WireClientConfiguration()
            configuration.tls = url.isEncrypted ? tls : nil
            do {
                let client = try WireClient(
                    url.address, configuration: configuration, eventLoopGroup: eventLoopGroup, logger: logger)
                var options = WireCallOptions()
                options.timeout = timeout
                let answer: Result<WireReply, any Error>
                do { answer = .success(try await client.unary(path, [], options: options)) } catch {
                    answer = .failure(error)
                }
                await client.close()
                if let list = ClusterList(try answer.get().message) { return list }
                failure = GRPCStatus(.internalError, "\(url.address) speaks another version")
            } catch {
                failure = error
            }
        }
        throw failure
    }
}
