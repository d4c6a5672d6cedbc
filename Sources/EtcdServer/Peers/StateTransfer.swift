// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletBasics
import MartletGRPCWire
import MartletKeyValue
import MartletNode
import MartletPeerWire
import MartletRaft
import MartletReplica
import MartletStorage
import NIOCore
import NIOPosix

/// A member's whole state, sent to one that lags too far behind for the log: `/martlet.v1.Peer/State`, on a connection
/// of its own, so that it holds up nothing.
///
/// The sender says who it is (`PeerHello`), then of what the state is (term of the order, index and term of its last
/// entry, each a varint), then sends chunks. The answer, an empty message, says that all of it is on the receiver's
/// disk.
enum StateTransfer {
    static let path = "/martlet.v1.Peer/State"

    struct Announcement {
        var order: Term
        var applied: AppliedPosition

        func encoded() -> [UInt8] {
            var bytes: [UInt8] = []
            for number in [order.rawValue, applied.index.rawValue, applied.term.rawValue] {
                Varint.append(number, to: &bytes)
            }
            return bytes
        }

        init(order: Term, applied: AppliedPosition) {
            self.order = order
            self.applied = applied
        }

        init?(_ bytes: [UInt8]) {
            var offset = 0
            func number() -> UInt64? { Varint.read(bytes.span.bytes, at: &offset) }
            guard let order = number(), let index = number(), let term = number(), offset == bytes.count else {
                return nil
            }
            self.order = Term(order)
            applied = AppliedPosition(index: LogIndex(index), term: Term(term))
        }
    }
}

extension ClusterPeers {
    /// Sends this member's state; the member is told what came of it.
    func send(_ order: Effects.SnapshotOrder) {
        let loop = member.eventLoop
        let bound = NIOLoopBound(member, eventLoop: loop)
        let dump = member.makeStateDump(for: order.to)
        let hello = PeerHello(cluster: clusterID, from: memberID, to: order.to)
        // Not on the member's loop, which has others to serve, and not in its way.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        group.next().execute { YieldingThread.yieldFromNowOn() }
        let client = links.newClient(of: order.to, on: group)
        let logger = logger
        Task {
            let index = await ClusterPeers.send(dump, hello, order, client, logger)
            loop.execute { bound.value.stateSent(to: order.to, upTo: index) }
            try? await group.shutdownGracefully()
        }
    }

    /// - Returns: the state's last entry, if all of it has arrived.
    private static func send(
        _ dump: EventLoopFuture<StateDump>, _ hello: PeerHello, _ order: Effects.SnapshotOrder,
        _ client: Result<WireClient?, any Error>, _ logger: Logger
    ) async -> LogIndex? {
        do {
            let dump = try await dump.get()
            defer { dump.abandon() }
            guard let client = try client.get() else { throw GRPCStatus(.unavailable, "no address is known") }
            let announcement = StateTransfer.Announcement(order: order.term, applied: dump.applied)
            logger.info(
                "sending database snapshot",
                metadata: ["to": "\(order.to)", "applied-index": "\(dump.applied.index.rawValue)"])
            do {
                try await send(dump, hello, announcement, by: client)
            } catch {
                await client.close()
                throw error
            }
            await client.close()
            return dump.applied.index
        } catch {
            logger.warning("failed to send database snapshot", metadata: ["to": "\(order.to)", "error": "\(error)"])
            return nil
        }
    }

    private static func send(
        _ dump: StateDump, _ hello: PeerHello, _ announcement: StateTransfer.Announcement, by client: WireClient
    ) async throws {
        try await client.withStream(StateTransfer.path) { stream in
            try await stream.write(hello.encoded())
            try await stream.write(announcement.encoded())
            while let chunk = try await dump.nextChunk() { try await stream.write(chunk) }
            stream.finishWriting()
            guard try await stream.next() != nil else { throw GRPCStatus(.unknown, "the state was not taken") }
        }
    }

    /// The receiver's part.
    static func addStateRoute(to router: inout GRPCRouter, _ peers: NIOLoopBound<ClusterPeers>) {
        router.add(
            StateTransfer.path,
            .stream { _, requests, responses in
                guard let first = try await requests.next(), let second = try await requests.next(),
                    let announcement = StateTransfer.Announcement(second)
                else { throw GRPCStatus(.invalidArgument, "a state without a beginning") }
                let hello: PeerHello
                do { hello = try PeerHello(first) } catch { throw GRPCStatus(.invalidArgument, "\(error)") }
                let loop = peers.value.member.eventLoop
                let arrival = try await loop.submit {
                    if let refusal = PeerService.refusal(hello, by: peers.value) { throw refusal }
                    return peers.value.member.beginArrival()
                }.get()
                guard let arrival else { throw GRPCStatus(.unavailable, "a state is being received already") }
                do {
                    while let chunk = try await requests.next() { try await arrival.add(chunk) }
                    let state = try await arrival.finish(announcement.applied)
                    try await loop.submit {
                        peers.value.member.endArrival(state, from: hello.from, term: announcement.order)
                    }.get()
                } catch {
                    await arrival.abandon()
                    try await loop.submit {
                        peers.value.member.endArrival(nil, from: hello.from, term: announcement.order)
                    }.get()
                    throw error is GRPCStatus ? error : GRPCStatus(.unknown, "\(error)")
                }
                try await responses.write([])
            })
    }
}
