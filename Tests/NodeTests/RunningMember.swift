// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletKeyValue
import MartletNode
import MartletRaft
import MartletReplica
import MartletWALCodec
import NIOCore
import NIOPosix

/// A member that runs in this process.
struct RunningMember: Sendable {
    let loop: any EventLoop
    let member: NIOLoopBound<Member>

    /// A member in a folder, or in memory.
    ///
    /// - Parameters:
    ///   - isAlone: whoever belonged to its cluster; see `LoneMember`.
    ///   - awaitsReady: otherwise this returns when it has begun.
    init(
        _ folder: DataFolder?, isAlone: Bool = false, tick: Duration = .milliseconds(100), awaitsReady: Bool = true
    ) async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let configuration = ReplicaConfiguration(
            member: MemberID(TestStore.member), name: "default", clientURLs: [],
            peerURLs: ["http://localhost:2380"], seed: 1)
        let metadata = WALMetadata(memberID: TestStore.member, clusterID: 5)
        let moment = Moment(monotonic: .zero, wallMilliseconds: Member.wallMilliseconds())
        let data = try folder?.open(configuration, new: metadata, at: moment, isAlone: isAlone)
        self.loop = loop
        member = try await loop.submit {
            var settings = MemberConfiguration()
            settings.tick = tick
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let member =
                data.map {
                    Member(
                        $0.replica, data: $0, configuration: settings, logger: logger, eventLoop: loop)
                }
                ?? Member(
                    inMemory: configuration, configuration: settings, logger: logger, eventLoop: loop)
            return NIOLoopBound(member, eventLoop: loop)
        }.get()
        try await loop.flatSubmit { [member] in
            loop.makeCompletedFuture(withResultOf: { try member.value.start() }).flatMap {
                awaitsReady ? member.value.ready : loop.makeSucceededVoidFuture()
            }
        }.get()
    }

    func put(_ key: String, _ value: [UInt8] = [1]) async throws {
        try await loop.flatSubmit { [loop, member] () -> EventLoopFuture<Void> in
            let promise = loop.makePromise(of: Void.self)
            member.value.propose(Write(.put(PutRequest(key: bytes(key), value: value)))) { result in
                switch result {
                case .success: promise.succeed()
                case .failure(let error): promise.fail(error)
                }
            }
            return promise.futureResult
        }.get()
    }

    func snapshot() async throws -> RunningSnapshot {
        try await loop.flatSubmit { [member] in member.value.makeSnapshot() }.get()
    }

    func end(_ snapshot: RunningSnapshot) async throws {
        try await loop.submit { [member] in member.value.endSnapshot(snapshot.number) }.get()
    }

    func stop() async throws {
        try await loop.flatSubmit { [member] in member.value.stop() }.get()
    }
}
