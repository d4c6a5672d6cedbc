// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletEtcdClient
import MartletNode

/// How the members of a new cluster find each other: in another etcd or Martlet, where each writes itself down under
/// the new cluster's token. `/_etcd/registry/TOKEN/_config/size` says how many they are, and is written by whoever
/// starts them; `/_etcd/registry/TOKEN/members/ID` who. Those that come first are the members; others are told that
/// the cluster is full. Source: etcd v3discovery.
package struct Discovery: Sendable, Equatable {
    package var token: String
    package var endpoints: [String]
    var connectTimeout: Duration
    var requestTimeout: Duration
    var credentials: EtcdCredentials?
    var tls = EtcdTLS()

    /// Between two attempts at a registry that can't be reached.
    private static let pause = Duration.seconds(1)

    /// What the flags say; nil where they name neither token nor registry.
    init?(_ flags: ServerFlags) throws(ServerFlagError) {
        token = flags.string("discovery-token")
        endpoints = flags.strings("discovery-endpoints")
        if token.isEmpty, endpoints.isEmpty { return nil }
        guard !token.isEmpty, !endpoints.isEmpty else {
            throw .conflict("both --discovery-token and --discovery-endpoints must be set")
        }
        guard !flags.isGiven("initial-cluster") else {
            throw .conflict(
                "multiple discovery or bootstrap flags are set. Choose one of \"initial-cluster\", \"discovery\", "
                    + "\"discovery-endpoints\" or \"discovery-srv\"")
        }
        connectTimeout = flags.duration("discovery-dial-timeout")
        requestTimeout = flags.duration("discovery-request-timeout")
        let user = flags.string("discovery-user").split(separator: ":", maxSplits: 1).map(String.init)
        if let name = user.first {
            let password = flags.string("discovery-password")
            credentials = EtcdCredentials(
                user: name, password: password.isEmpty ? user.dropFirst().first ?? "" : password)
        }
        func file(_ name: String) -> String? { flags.string(name).isEmpty ? nil : flags.string(name) }
        tls.trustRootsFile = file("discovery-cacert")
        tls.certificateChainFile = file("discovery-cert")
        tls.privateKeyFile = file("discovery-key")
        tls.skipsVerification = flags.boolean("discovery-insecure-skip-tls-verify")
    }

    /// Writes a member down, and waits until all are.
    ///
    /// - Returns: The members, as `--initial-cluster` has them.
    func join(_ member: SnapshotRestore.Member, logger: Logger) async throws -> String {
        var configuration = EtcdClient.Configuration(endpoints: endpoints)
        configuration.connectTimeout = connectTimeout
        configuration.timeout = requestTimeout
        configuration.credentials = credentials
        configuration.tls = endpoints.contains { $0.hasPrefix("https://") } ? tls : nil
        configuration.logger = logger
        let client = try EtcdClient(configuration)
        do {
            let text = try await join(member, client, logger)
            await client.close()
            return text
        } catch {
            await client.close()
            throw error
        }
    }

    private func join(_ member: SnapshotRestore.Member, _ client: EtcdClient, _ logger: Logger) async throws -> String {
        let id = String(member.id, radix: 16)
        while true {
            do {
                let (members, nextRevision) = try await read(client)
                switch members.state(for: id) {
                case .complete(let text):
                    logger.info("discovered the members", metadata: ["initial-cluster": "\(text)"])
                    return text
                case .full:
                    throw CommandFailure("discovery: cluster is full")
                case .unknown:
                    let text = member.peerURLs.map { "\(member.name)=\($0)" }.joined(separator: ",")
                    try await client.put(membersPrefix + id, text)
                case .waiting(let known):
                    logger.info("waiting for more members to be discovered", metadata: ["known": "\(known)"])
                    for try await _ in client.watch(.prefix(membersPrefix), from: nextRevision) { break }
                }
            } catch let error as EtcdError {
                guard error.code == .unavailable || error.code == .timeout else { throw error }
                logger.warning("the discovery's registry does not answer", metadata: ["error": "\(error)"])
                try await Task.sleep(for: Self.pause)
            }
        }
    }

    private func read(_ client: EtcdClient) async throws -> (DiscoveredMembers, nextRevision: Int64) {
        let sizes = try await client.get(.key(prefix + "_config/size")).keyValues
        guard let text = sizes.first?.valueText else { throw CommandFailure("discovery: size key not found") }
        guard let size = Int(text), size > 0 else { throw CommandFailure("discovery: size key is bad") }
        let found = try await client.get(.prefix(membersPrefix))
        let members = found.keyValues.map { pair in
            DiscoveredMembers.Found(
                id: String(pair.keyText.dropFirst(membersPrefix.count)), text: pair.valueText,
                createRevision: pair.createRevision)
        }
        return (DiscoveredMembers(size: size, members), found.nextRevision)
    }

    private var prefix: String { "/_etcd/registry/\(token)/" }
    private var membersPrefix: String { prefix + "members/" }
}
