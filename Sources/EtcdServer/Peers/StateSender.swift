// SPDX-License-Identifier: Apache-2.0

package import Logging
package import MartletBasics
package import MartletGRPCWire
import MartletKeyValue
package import MartletNode
package import MartletPeerWire
import MartletRaft
import MartletReplica
import MartletStorage
import NIOCore
import NIOPosix

/// Sends one state to one member, over as many connections as it takes; see `StateTransfer`.
package struct StateSender: Sendable {
    /// How long it is tried anew while nothing more arrives. The receiver keeps what it has for longer.
    package var patience = Duration.seconds(30)
    /// Between two attempts.
    static let pause = Duration.seconds(1)

    private let dump: StateDump
    private let hello: PeerHello
    private let order: Term
    private let logger: Logger
    private let connect: @Sendable () async throws -> WireClient?

    /// - Parameter connect: a client of its own, which is closed here; `nil` where nobody is to get the state any more.
    package init(
        _ dump: StateDump, _ hello: PeerHello, order: Term, logger: Logger,
        connect: @escaping @Sendable () async throws -> WireClient?
    ) {
        (self.dump, self.hello, self.order, self.logger) = (dump, hello, order, logger)
        self.connect = connect
    }

    /// Returns when all of it is on the receiver's disk.
    package func send() async throws {
        var announcement = StateTransfer.Announcement(order: order, applied: dump.applied, dump: dump.number)
        var acknowledged = 0
        var deadline = ContinuousClock.now + patience
        while true {
            do {
                return try await attempt(announcement)
            } catch let status as GRPCStatus {
                if status.code == .invalidArgument, announcement.dump != nil, dump.acknowledged == 0 {
                    // An older member reads no such announcement.
                    announcement.dump = nil
                    dump.sendOnce()
                    continue
                }
                if dump.acknowledged > acknowledged { deadline = .now + patience }
                acknowledged = dump.acknowledged
                guard announcement.dump != nil, Self.mayPass(status), ContinuousClock.now < deadline else {
                    throw status
                }
                logger.info(
                    "sending of database snapshot was interrupted",
                    metadata: [
                        "to": "\(hello.to)", "error": "\(status)", "chunks-received": "\(acknowledged)",
                        "bytes-sent-again": "\(dump.repeatedByteCount)",
                    ])
            }
            try await Task.sleep(for: Self.pause)
        }
    }

    /// Whether the same may go well with another connection. Where nobody listens, nobody has kept anything.
    private static func mayPass(_ status: GRPCStatus) -> Bool {
        [.unavailable, .cancelled, .dataLoss, .internalError].contains(status.code) && !status.isConnectRefused
    }

    private func attempt(_ announcement: StateTransfer.Announcement) async throws {
        guard let client = try await connect() else {
            throw GRPCStatus(.failedPrecondition, "the member is not to be sent a state any more")
        }
        let result: Result<Void, any Error>
        do {
            result = .success(try await send(announcement, by: client))
        } catch {
            result = .failure(error)
        }
        await client.close()
        try result.get()
    }

    private func send(_ announcement: StateTransfer.Announcement, by client: WireClient) async throws {
        try await client.withStream(StateTransfer.path) { stream in
            try await stream.write(hello.encoded())
            try await stream.write(announcement.encoded())
            if announcement.dump != nil {
                guard let count = try await Self.count(stream) else { return }
                try dump.resume(after: count)
            }
            while let chunk = try await dump.nextChunk() {
                try await stream.write(chunk)
                while dump.isFull { if try await isWhole(stream) { return } }
            }
            stream.finishWriting()
            while try await !isWhole(stream) {}
        }
    }

    private func isWhole(_ stream: ClientStream) async throws -> Bool {
        guard let count = try await Self.count(stream) else { return true }
        try dump.acknowledge(count)
        return false
    }

    /// The receiver's next word; `nil`: it has all.
    private static func count(_ stream: ClientStream) async throws -> Int? {
        guard let answer = try await stream.next() else { throw GRPCStatus(.unknown, "the state was not taken") }
        if answer.isEmpty { return nil }
        guard let count = StateTransfer.count(answer) else {
            throw GRPCStatus(.unknown, "an answer to a state that can't be read")
        }
        return count
    }
}

extension ClusterPeers {
    /// Sends this member's state; the member is told what came of it.
    func send(_ order: Effects.SnapshotOrder) {
        let loop = member.eventLoop
        let bound = NIOLoopBound(self, eventLoop: loop)
        let dump = member.makeStateDump(for: order.to)
        let hello = PeerHello(cluster: clusterID, from: memberID, to: order.to)
        // Not on the member's loop, which has others to serve, and not in its way.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        group.next().execute { YieldingThread.yieldFromNowOn() }
        let logger = logger
        let connect: @Sendable () async throws -> WireClient? = {
            try await loop.submit { try bound.value.newClient(for: order, on: group) }.get()
        }
        Task {
            let index = await ClusterPeers.send(dump, hello, order, logger, connect)
            loop.execute { bound.value.member.stateSent(to: order.to, upTo: index) }
            try? await group.shutdownGracefully()
        }
    }

    /// A leader that leads no more leaves it to the next.
    private func newClient(
        for order: Effects.SnapshotOrder, on group: MultiThreadedEventLoopGroup
    ) throws -> WireClient? {
        guard member.status.isLeader, member.status.term == order.term else { return nil }
        return try links.newClient(of: order.to, on: group).get()
    }

    /// - Returns: the state's last entry, if all of it has arrived.
    private static func send(
        _ dump: EventLoopFuture<StateDump>, _ hello: PeerHello, _ order: Effects.SnapshotOrder, _ logger: Logger,
        _ connect: @escaping @Sendable () async throws -> WireClient?
    ) async -> LogIndex? {
        do {
            let dump = try await dump.get()
            defer { dump.abandon() }
            logger.info(
                "sending database snapshot",
                metadata: ["to": "\(order.to)", "applied-index": "\(dump.applied.index.rawValue)"])
            try await StateSender(dump, hello, order: order.term, logger: logger, connect: connect).send()
            return dump.applied.index
        } catch {
            logger.warning("failed to send database snapshot", metadata: ["to": "\(order.to)", "error": "\(error)"])
            return nil
        }
    }
}
