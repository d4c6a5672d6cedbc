// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletEtcdClient
import Synchronization

/// The members, each in a slot in which another one may follow it.
final class TortureCluster: Sendable {
    let folder: String
    let surroundings: TortureMember.Surroundings
    let count: Int
    private let state = Mutex(State())

    private struct State {
        var slots: [TortureMember] = []
        /// All that ever were, for their proxies and logs.
        var former: [TortureMember] = []
        var named = 0
    }

    init(_ folder: String, count: Int, _ surroundings: TortureMember.Surroundings) async throws {
        (self.folder, self.count, self.surroundings) = (folder, count, surroundings)
        var members: [TortureMember] = []
        for _ in 0..<count { members.append(try await makeMember()) }
        let text = members.map { "\($0.name)=\($0.peerURL)" }.joined(separator: ",")
        for member in members { member.join(text, isNew: true) }
        let made = members
        state.withLock { $0.slots = made }
    }

    var members: [TortureMember] { state.withLock { $0.slots } }
    var endpoints: [String] { members.map(\.endpoint) }
    func member(_ slot: Int) -> TortureMember { state.withLock { $0.slots[slot] } }
    var all: [TortureMember] { state.withLock { $0.slots + $0.former } }

    func makeMember() async throws -> TortureMember {
        let number = state.withLock { state in
            state.named += 1
            return state.named
        }
        return try await TortureMember("m\(number)", in: folder, surroundings)
    }

    func replace(_ slot: Int, by member: TortureMember) {
        state.withLock { state in
            state.former.append(state.slots[slot])
            state.slots[slot] = member
        }
    }

    /// Of a store that all members serve; of one member alone where that is named.
    ///
    /// - Parameter first: Which one clients try first.
    func storeAddress(of slot: Int? = nil, first: Int = 0) -> String {
        let members = slot.map { [member($0)] } ?? members
        let turned = members.indices.map { members[($0 + first) % members.count].storeAddresses }
        return (turned.map(\.keys) + turned.compactMap(\.streams)).joined(separator: " ")
    }

    static func client(_ endpoints: [String], timeout: Duration) throws -> EtcdClient {
        var configuration = EtcdClient.Configuration(endpoints: endpoints)
        configuration.timeout = timeout
        configuration.logger = Logger(label: "torture") { _ in SwiftLogNoOpLogHandler() }
        return try EtcdClient(configuration)
    }

    func withClient<Result>(
        _ endpoints: [String]? = nil, timeout: Duration, _ body: (EtcdClient) async throws -> Result
    ) async throws -> Result {
        let client = try Self.client(endpoints ?? self.endpoints, timeout: timeout)
        do {
            let result = try await body(client)
            await client.close()
            return result
        } catch {
            await client.close()
            throw error
        }
    }

    private static let statusLimit = Duration.milliseconds(400)

    /// The slot of the member that takes itself for the leader, of the newest term.
    func leader() async -> Int? {
        await withTaskGroup(of: (slot: Int, term: UInt64)?.self) { group in
            for (slot, member) in members.enumerated() where member.isRunning && !member.isFrozen {
                group.addTask {
                    let status = try? await self.withClient([member.endpoint], timeout: Self.statusLimit) {
                        try await $0.maintenance.status(of: member.endpoint)
                    }
                    guard let status, status.isLeader else { return nil }
                    return (slot, status.raftTerm)
                }
            }
            var best: (slot: Int, term: UInt64)?
            for await found in group {
                if let found, found.term > best?.term ?? 0 { best = found }
            }
            return best?.slot
        }
    }

    /// Ends of processes that nobody wanted.
    var troubles: [String] { members.compactMap(\.trouble) }
}
