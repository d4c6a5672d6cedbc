// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletBasics
import MartletBoltFile
import MartletEtcdSnapshot
import MartletKeyValue
import MartletNode
import MartletRaft
import MartletReplica
import MartletStorage
import MartletTestPrograms
import MartletWALCodec
import NIOCore
import NIOPosix
import Testing

/// Snapshots of a member that runs.
@Suite struct MemberSnapshotTests {
    private struct Running: Sendable {
        let loop: any EventLoop
        let member: NIOLoopBound<Member>

        /// A member in a folder, or in memory.
        init(_ folder: DataFolder?) async throws {
            let loop = MultiThreadedEventLoopGroup.singleton.next()
            let configuration = ReplicaConfiguration(
                member: MemberID(TestStore.member), name: "default", clientURLs: [],
                peerURLs: ["http://localhost:2380"], seed: 1)
            let metadata = WALMetadata(memberID: TestStore.member, clusterID: 5)
            let moment = Moment(monotonic: .zero, wallMilliseconds: Member.wallMilliseconds())
            let data = try folder?.open(configuration, new: metadata, at: moment)
            self.loop = loop
            member = try await loop.submit {
                let settings = MemberConfiguration()
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
                loop.makeCompletedFuture(withResultOf: { try member.value.start() }).flatMap { $0 }
            }.get()
        }

        func put(_ key: String) async throws {
            try await loop.flatSubmit { [loop, member] () -> EventLoopFuture<Void> in
                let promise = loop.makePromise(of: Void.self)
                member.value.propose(Write(.put(PutRequest(key: bytes(key), value: [1])))) { result in
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

    private func keys(_ snapshot: RunningSnapshot) async throws -> [String] {
        var file: [UInt8] = []
        while true {
            let pieces = try await snapshot.next(3)
            if pieces.isEmpty { break }
            for piece in pieces { file += piece.bytes }
        }
        let reader = try EtcdSnapshotReader(BoltMemoryImage(file))
        try reader.verifyTrailer()
        var cursor = try reader.revisions()
        var keys: [String] = []
        while let change = try cursor.next() { keys.append(text(change.record.key)) }
        return keys
    }

    /// What was acknowledged before is in it; a few at a time; none is lost when the member ends.
    @Test func ofWhatIsAcknowledged() async throws {
        let folder = try TemporaryFolder()
        let running = try await Running(DataFolder(path: folder.file("data")))
        var snapshots: [RunningSnapshot] = []
        for number in 0..<4 {
            try await running.put("k\(number)")
            snapshots.append(try await running.snapshot())
        }
        let error = await #expect(throws: SnapshotError.self) { try await running.snapshot() }
        #expect(error?.code == .refused)
        #expect(try await keys(snapshots[1]) == ["k0", "k1"])
        try await running.end(snapshots[1])
        let another = try await running.snapshot()
        #expect(another.number == snapshots[1].number)
        try await running.stop()
        #expect(try await keys(snapshots[3]) == ["k0", "k1", "k2", "k3"])
        #expect(try await keys(another) == ["k0", "k1", "k2", "k3"])
        let late = await #expect(throws: SnapshotError.self) { try await running.snapshot() }
        #expect(late?.code == .refused)
        // The folder is free.
        let again = try await Running(DataFolder(path: folder.file("data")))
        #expect(try await keys(again.snapshot()).count == 4)
        try await again.stop()
    }

    /// An end that comes while one is being made.
    @Test func stopsInTheMiddle() async throws {
        let folder = try TemporaryFolder()
        let running = try await Running(DataFolder(path: folder.file("data")))
        for number in 0..<50 { try await running.put("k\(number)") }
        async let made = running.snapshot()
        async let stopped: Void = running.stop()
        try await stopped
        do {
            #expect(try await keys(made).count == 50)
        } catch let error as SnapshotError {
            #expect(error.code == .refused || error.code == .tables)
        }
        let again = try await Running(DataFolder(path: folder.file("data")))
        try await again.stop()
    }

    @Test func ofAStoreInMemory() async throws {
        let running = try await Running(nil)
        let error = await #expect(throws: SnapshotError.self) { try await running.snapshot() }
        #expect(error?.code == .refused)
        try await running.stop()
    }
}
