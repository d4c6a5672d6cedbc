// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletEtcdAPI
import MartletGRPCWire
import MartletKeyValue
import MartletNode
import MartletPeerWire
package import MartletRaft
import MartletReplica
import NIOCore
import SwiftProtobuf

/// Compares what the members hold. The leader asks each for its hash of a revision, and raises the alarm CORRUPT of who
/// differs: the cluster then refuses what reads or changes keys. Confined to the member's loop.
///
/// `/martlet.v1.Peer/HashKV`, unary, takes and answers what `/etcdserverpb.Maintenance/HashKV` does, without asking
/// which user calls: whoever may speak to a peer port is a member.
final class CorruptionCheck {
    static let path = "/martlet.v1.Peer/HashKV"
    /// For the hash of a large store.
    private static let patience = Duration.seconds(30)

    typealias Answers = [(member: MemberID, hash: Result<KeyValueHash, any Error>)]

    private unowned let store: MemberStore
    private let peers: ClusterPeers
    private var timers: [LoopTimer] = []
    private var isRunning = false
    private var checkedCompaction: Int64 = 0

    /// Begins to compare, as often as the configuration says.
    init(_ store: MemberStore, _ peers: ClusterPeers) {
        self.store = store
        self.peers = peers
        let configuration = store.configuration
        if let interval = configuration.corruptionCheckInterval {
            timers.append(
                LoopTimer(period: TimeAmount(interval), on: store.eventLoop) { [weak self] in
                    self?.check { store in store.keyValue.revision }
                })
        }
        if let interval = configuration.compactionCheckInterval {
            timers.append(
                LoopTimer(period: TimeAmount(interval), on: store.eventLoop) { [weak self] in
                    self?.check { [weak self] store in self?.uncheckedCompaction(of: store) }
                })
        }
    }

    func stop() {
        for timer in timers { timer.cancel() }
        timers = []
    }

    private func uncheckedCompaction(of store: MemberStore) -> Int64? {
        let revision = store.keyValue.compactRevision
        guard revision > checkedCompaction else { return nil }
        checkedCompaction = revision
        return revision
    }

    /// - Parameter revision: what to compare, worked out when all that is committed is applied; nil: nothing.
    private func check(at revision: @escaping (MemberStore) -> Int64?) {
        let member = store.member
        guard !isRunning, member.status.isLeader, !member.cluster.alarms.hasCorrupt else { return }
        isRunning = true
        member.read { [weak self] error in
            guard let self, error == nil, let revision = revision(store) else { self?.isRunning = false; return }
            compare(at: revision) { [weak self] comparison in
                self?.isRunning = false
                if let comparison { self?.raise(comparison.wrong) }
            }
        }
    }

    private func raise(_ members: [MemberID]) {
        for member in members {
            peers.logger.critical(
                "found data inconsistency among the members", metadata: ["member-id": "\(member)"])
            store.propose(
                Write(.alarm(AlarmRequest(.activate, .corrupt, of: member)), identity: store.member.ownIdentity),
                reply: .discarded)
        }
    }

    /// Asks all others, whatever they are; `then` gets nil where this member has no hash of the revision.
    func compare(at revision: Int64, then: @escaping (HashComparison?) -> Void) {
        do throws(KeyValueError) {
            let hasher = try store.keyValue.snapshot.hasher(at: revision)
            let own = HashRun(hasher, in: store.member.workTurns) { [self] own in ask(own, then) }
            own.step()
        } catch {
            then(nil)
        }
    }

    private func ask(_ own: KeyValueHash, _ then: @escaping (HashComparison?) -> Void) {
        let members = store.member.cluster.members.filter { !$0.isLearner }.map(\.id)
        let others = members.filter { $0 != peers.memberID }
            .compactMap { id in peers.links.client(of: id).map { (id, $0) } }
        let loop = store.eventLoop
        let bound = NIOLoopBound((self, then), eventLoop: loop)
        let options = peers.callOptions(timeout: Self.patience)
        Task {
            let answers = await CorruptionCheck.ask(others, own.revision, options)
            loop.execute {
                let (check, then) = bound.value
                then(check.comparison(of: own, answers, memberCount: members.count))
            }
        }
    }

    private func comparison(of own: KeyValueHash, _ answers: Answers, memberCount: Int) -> HashComparison {
        var comparison = HashComparison(own, of: peers.memberID, memberCount: memberCount)
        for (member, answer) in answers {
            switch answer {
            case .success(let hash):
                guard !comparison.add(hash, of: member) else { continue }
                peers.logger.info(
                    "a member can't be compared: it has compacted elsewhere", metadata: ["member-id": "\(member)"])
            case .failure(let error):
                peers.logger.warning(
                    "a member's hash is not known", metadata: ["member-id": "\(member)", "error": "\(error)"])
            }
        }
        return comparison
    }

    private static func ask(
        _ others: [(MemberID, WireClient)], _ revision: Int64, _ options: WireCallOptions
    ) async -> Answers {
        var request = Etcdserverpb_HashKVRequest()
        request.revision = revision
        return await withTaskGroup(of: Answers.Element.self) { group in
            for (member, client) in others {
                group.addTask { [request] in
                    do {
                        let message: [UInt8] = try request.serializedBytes()
                        let reply = try await client.unary(path, message, options: options).message
                        let answer = try Etcdserverpb_HashKVResponse(serializedBytes: reply)
                        let hash = KeyValueHash(
                            value: answer.hash, revision: answer.hashRevision, compactRevision: answer.compactRevision)
                        return (member, .success(hash))
                    } catch {
                        return (member, .failure(error))
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }
}

/// This member holds something else than others do, and must not serve.
package struct CorruptionFound: Error, CustomStringConvertible {
    package var members: [MemberID]

    package var description: String {
        "found data inconsistency with peers: " + members.map { "\($0)" }.joined(separator: ", ")
    }
}

extension MemberStore {
    /// Compares what this member holds with what the others do, if it is to; those that don't answer are left out.
    ///
    /// Fails with ``CorruptionFound`` where one differs.
    func compareAtStart() -> EventLoopFuture<Void> {
        guard configuration.comparesAtStart, let corruptionCheck else { return eventLoop.makeSucceededVoidFuture() }
        let promise = eventLoop.makePromise(of: Void.self)
        corruptionCheck.compare(at: keyValue.revision) { comparison in
            let unlike = comparison?.unlikeOwn ?? []
            if unlike.isEmpty { promise.succeed() } else { promise.fail(CorruptionFound(members: unlike)) }
        }
        return promise.futureResult
    }
}
