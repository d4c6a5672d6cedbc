// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Logging
internal import Martlet
internal import MartletEtcdAPI

/// How a store's keys and streams belong together. A transaction goes to the servers of keys, and reads of streams go
/// to the others: where those aren't the same cluster's, it would change streams that nobody reads.
enum StoreUnion: Hashable, Sendable {
    /// One Martlet cluster's.
    case whole
    /// Keys or streams are another system's, or of a database that transactions don't know.
    case apart
    /// Two Martlet clusters', by their numbers. Those may be equal: they follow from addresses and a token.
    case torn(keys: UInt64, streams: UInt64)
}

extension MartletStore {
    /// How long a store that is opened waits for its servers to tell whose they are. Those of one site answer within
    /// milliseconds; a program that starts before its servers is told later, by its first transaction.
    private static let tellingLimit = Duration.seconds(1)
    /// How long the mark may stay where its writer dies behind it.
    private static let markLifetime = Duration.seconds(10)

    /// Refuses keys and streams of two Martlet clusters, as far as their servers can be asked now.
    ///
    /// - Throws: ``MartletStoreError/Code/separateClusters``.
    func refuseSeparateClusters() async throws(MartletStoreError) {
        guard case .servers(let servers) = address.place, !servers.keys.isEmpty, !servers.streams.isEmpty else {
            return
        }
        let found: StoreUnion?
        do {
            found = try await withTimeLimit(Self.tellingLimit) { [keys, streams] in
                try await Self.numbers(of: keys, streams)
            }
        } catch {
            logger.debug("servers don't tell whose they are", metadata: ["error": "\(error)"])
            return
        }
        if case .torn(let keys, let streams)? = found { throw separateClusters(keys, streams) }
    }

    /// - Returns: ``StoreUnion/torn(keys:streams:)`` where the numbers differ; nil where they are equal or aren't told.
    private static func numbers(of keys: EtcdClient, _ streams: RedisClient) async throws -> StoreUnion? {
        let server = try await streams.info("server")
        guard let streamsID = server["martlet_cluster_id"].flatMap({ UInt64($0, radix: 16) }) else { return nil }
        let keysID = try await keys.cluster.number()
        return keysID == streamsID ? nil : .torn(keys: keysID, streams: streamsID)
    }

    /// Asks the servers. What is written for that goes again.
    func union() async throws -> StoreUnion {
        guard case .servers(let servers) = address.place else { return .whole }
        guard !servers.keys.isEmpty, !servers.streams.isEmpty else { return .apart }
        guard try await streams.info("server")["server_name"] == "martlet" else { return .apart }
        // Transactions know the streams of database 0.
        guard try await streams.command("CLIENT", "INFO").text?.contains(" db=0 ") == true else { return .apart }
        do {
            // Nothing changes by it.
            _ = try await keys.transact([], isRepeatable: true)
        } catch let error as EtcdError where error.code == .notSupported {
            return .apart
        }
        if let torn = try await Self.numbers(of: keys, streams) { return torn }
        guard try await seesMark() else {
            let number = try await keys.cluster.number()
            return .torn(keys: number, streams: number)
        }
        return .whole
    }

    /// Whether a transaction sees what is written among the streams: two servers that were started alike on different
    /// machines have the same number, and only this tells them apart.
    private func seesMark() async throws -> Bool {
        let mark = "martlet:mark:\(UUID())"
        do {
            let replies = try await streams.transaction([
                RedisCommand("XADD", mark, "*", "by", "martlet"),
                RedisCommand("PEXPIRE", mark, Int(Self.markLifetime.components.seconds * 1000)),
            ])
            for case .error(let error) in replies ?? [] { throw error }
        } catch let error as RedisError where error.code == .denied || error.code == .noSpace {
            // Who may write nothing else has the numbers alone.
            return true
        }
        var transaction = StoreTransaction()
        transaction.when(.length(of: mark, .equal, 1))
        let isSeen: Bool
        do {
            let answer = try await keys.transact(try transaction.encoded(), isRepeatable: true)
            isSeen = try StoreTransactionResult(decoding: answer).succeeded
        } catch let error as EtcdError where error.code == .denied {
            // Nor may it change streams, so that there is nothing to be wrong about.
            isSeen = true
        }
        _ = try? await streams.del(mark)
        return isSeen
    }

    func separateClusters(_ keys: UInt64, _ streams: UInt64) -> MartletStoreError {
        let numbers =
            keys == streams
            ? "two Martlet clusters, which have the number \(String(keys, radix: 16)) alike"
            : "two Martlet clusters, \(String(keys, radix: 16)) and \(String(streams, radix: 16))"
        return MartletStoreError(
            .separateClusters, "the store at \(address) has its keys and its streams in \(numbers): name one cluster's")
    }
}
