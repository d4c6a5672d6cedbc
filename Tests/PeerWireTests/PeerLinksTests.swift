// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletGRPCWire
import MartletPeerWire
import MartletRaft
import NIOPosix
import Testing

@Suite("streams between members")
struct PeerLinksTests {
    private static func connected(_ from: TestPeer, _ to: TestPeer) async throws {
        let id = to.id
        try await eventually("\(from.id) speaks to \(id)") {
            try await from.with { $0.links?.openSince(id) != nil }
        }
    }

    @Test("messages arrive whole and, within a lane, in their order; signs of life don't wait behind appends")
    func inOrder() async throws {
        let (one, two) = (try await TestPeer.start(1), try await TestPeer.start(2))
        try await one.know([two])
        try await Self.connected(one, two)
        let data = [UInt8](repeating: 7, count: 1 << 20)
        var index: UInt64 = 0
        for round in 1...20 {
            let entry = Entry(term: Term(1), index: LogIndex(index + 1), data: data)
            try await one.send(
                .append(
                    previous: EntryID(index: LogIndex(index), term: Term(1)), entries: [entry], commit: LogIndex(0)),
                to: two.id)
            try await one.send(.heartbeat(commit: LogIndex(0), round: ReadRound(UInt64(round))), to: two.id)
            index += 1
            // It builds on the one before: were it there first, it would be refused.
            let last = EntryID(index: LogIndex(index), term: Term(1))
            try await one.send(.append(previous: last, entries: [], commit: LogIndex(0)), to: two.id)
        }
        try await eventually("all are there") { try await two.with { $0.received.count } == 60 }
        let received = try await two.with { $0.received }
        var (appends, rounds): ([UInt64], [UInt64]) = ([], [])
        for message in received {
            #expect(message.from == one.id)
            switch message.body {
            case .append(let previous, let entries, _):
                appends.append(previous.index.rawValue)
                #expect(entries.first.map { $0.data == data } != false)
            case .heartbeat(_, let round): rounds.append(round.rawValue)
            default: Issue.record("unexpected: \(message)")
            }
        }
        #expect(appends == (0..<20).flatMap { [$0, $0 + 1] })
        #expect(rounds == Array(1...20))
        try await one.stop()
        try await two.stop()
    }

    @Test("a peer that stops is reported once, and found again when it is back")
    func restart() async throws {
        let (one, two) = (try await TestPeer.start(1), try await TestPeer.start(2))
        try await one.know([two])
        try await Self.connected(one, two)
        guard case .hostPort(_, let port) = two.address.kind else { return }
        try await two.stop()
        try await eventually("the loss is noticed") { try await one.with { !$0.unreachable.isEmpty } }
        try await eventually("so is the end") { try await one.with { $0.gone.contains(two.id) } }
        // Nothing is kept for a peer that isn't there.
        try await one.send(.staleTerm, to: two.id)
        let again = try await TestPeer.start(2, port: port)
        try await Self.connected(one, again)
        try await one.send(.timeoutNow, to: again.id)
        try await eventually("what is sent now arrives") { try await again.with { $0.received.count } == 1 }
        #expect(try await again.with { $0.received.first?.body } == .timeoutNow)
        try await one.stop()
        try await again.stop()
    }

    @Test("the next address is tried when one doesn't answer")
    func addresses() async throws {
        let (one, two) = (try await TestPeer.start(1), try await TestPeer.start(2))
        let gone = try await TestPeer.start(3)
        let deaf = gone.address
        try await gone.stop()
        try await one.know([PeerLinks.Peer(id: two.id, addresses: [deaf, two.address], isEncrypted: false)])
        try await Self.connected(one, two)
        // One address that refuses is no end.
        #expect(try await one.with { $0.gone.isEmpty })
        // What goes beside the streams goes where they go.
        let id = two.id
        let client = try #require(try await one.with { $0.links?.client(of: id) })
        #expect(client.target == two.address)
        let answer = await #expect(throws: GRPCStatus.self) { _ = try await client.unary("/none/None", []) }
        #expect(answer?.code == .unimplemented)
        let group = MultiThreadedEventLoopGroup.singleton
        let other = try await one.with { try $0.links?.newClient(of: id, on: group).get() }
        #expect(other?.target == two.address)
        await other?.close()
        try await one.stop()
        try await two.stop()
    }

    @Test("a stranger's messages are not taken", arguments: ["cluster", "member", "removed"])
    func refused(_ why: String) async throws {
        let one = try await TestPeer.start(1, cluster: why == "cluster" ? 2 : 1)
        let two = try await TestPeer.start(2)
        if why == "removed" { try await two.with { $0.removed = [MemberID(1)] } }
        let id = why == "member" ? MemberID(9) : two.id
        try await one.know([PeerLinks.Peer(id: id, addresses: [two.address], isEncrypted: false)])
        try await eventually("the refusal is noticed") { try await one.with { !$0.unreachable.isEmpty } }
        for _ in 0..<20 { try await one.send(.timeoutNow, to: id) }
        let texts = [
            "cluster": "rafthttp: request cluster ID mismatch: local 1, remote 2",
            "member": "rafthttp: request target member ID mismatch: local 2, remote 9",
            "removed": "the member has been permanently removed from the cluster",
        ]
        let told = try await two.with { $0.refusals }
        // A port that another test's peer had before may be asked by strangers, too.
        #expect(told.contains { $0 == texts[why] }, "\(told)")
        #expect(try await one.with { $0.isRemoved } == (why == "removed"))
        #expect(try await two.with { $0.received.isEmpty })
        try await one.stop()
        try await two.stop()
    }

    @Test("who is removed while it speaks is told so, and its messages aren't taken any more")
    func removedLater() async throws {
        let (one, two) = (try await TestPeer.start(1), try await TestPeer.start(2))
        try await one.know([two])
        try await Self.connected(one, two)
        try await one.send(.timeoutNow, to: two.id)
        try await eventually("it is heard") { try await two.with { $0.received.count } == 1 }
        try await two.with { $0.removed = [MemberID(1)] }
        try await one.send(.timeoutNow, to: two.id)
        try await eventually("it is told") { try await one.with { $0.isRemoved } }
        #expect(try await two.with { $0.received.count } == 1)
        try await one.stop()
        try await two.stop()
    }

    @Test("a peer of another format is told so, whatever else it says")
    func anotherFormat() async throws {
        let two = try await TestPeer.start(2)
        let client = try WireClient(two.address, logger: two.logger)
        let stream = try await client.openStream("/martlet.v1.Peer/Control")
        // Its version, and what only it can read.
        try await stream.write([9, 0xEE, 0xEE])
        let status = await #expect(throws: GRPCStatus.self) { try await stream.next() }
        #expect(status?.code == .failedPrecondition)
        #expect(status?.message == "rafthttp: incompatible stream format: local 1, remote 9")
        #expect(try await two.with { $0.refusals } == ["rafthttp: incompatible stream format: local 1, remote 9"])
        await client.close()
        try await two.stop()
    }

    @Test("a peer that is no member any more is spoken to no more")
    func forgotten() async throws {
        let (one, two) = (try await TestPeer.start(1), try await TestPeer.start(2))
        try await one.know([two])
        try await Self.connected(one, two)
        try await one.know([PeerLinks.Peer]())
        try await one.send(.timeoutNow, to: two.id)
        #expect(try await one.with { $0.links?.openSince(MemberID(2)) } == nil)
        #expect(try await two.with { $0.received.isEmpty })
        try await one.stop()
        try await two.stop()
    }

    @Test("what can't be read ends the stream, not the member")
    func nonsense() async throws {
        let two = try await TestPeer.start(2)
        let client = try WireClient(two.address, logger: two.logger)
        for path in ["/martlet.v1.Peer/Control", "/martlet.v1.Peer/Entries"] {
            for first in [[], [0xFF], PeerHello(cluster: 1, from: MemberID(1), to: two.id).encoded()] as [[UInt8]] {
                let stream = try await client.openStream(path)
                try await stream.write(first)
                // The first may have been enough.
                try? await stream.write([0xEE, 1, 2, 3])
                await #expect(throws: GRPCStatus.self) { try await stream.next() }
                #expect(stream.status?.code == .invalidArgument)
            }
        }
        await client.close()
        #expect(try await two.with { $0.received.isEmpty })
        try await two.stop()
    }
}
