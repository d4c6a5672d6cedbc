// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletPeerWire
import MartletRaft
import Testing

@Suite("messages between members as bytes")
struct MessageCodingTests {
    private static let one = MemberID(0x8e9e_05c5_2164_694d)
    private static let two = MemberID(2)
    private static let last = EntryID(index: LogIndex(300), term: Term(7))
    private static let mark = SnapshotMark(
        last: last, configuration: Configuration(voters: [one, two], learners: [MemberID(3)]))

    private static let jointMark = SnapshotMark(
        last: last,
        configuration: Configuration(
            voters: [one, two], learners: [MemberID(3)], outgoing: [two, MemberID(4), MemberID(5)],
            nextLearners: [MemberID(5)]))

    static let bodies: [Message.Body] = [
        .append(previous: .zero, entries: [], commit: .zero),
        .append(
            previous: last,
            entries: [
                Entry(term: Term(7), index: LogIndex(301), data: []),
                Entry(term: Term(8), index: LogIndex(302), kind: .configurationChange, data: [1, 2, 3]),
                Entry(term: Term(9), index: LogIndex(303), data: Array(repeating: 5, count: 70_000)),
            ], commit: LogIndex(300)),
        .appendAccepted(match: LogIndex(1 << 61)), .appendRejected(rejected: LogIndex(5), hint: last),
        .heartbeat(commit: LogIndex(4), round: ReadRound(.max)), .heartbeatAnswer(round: ReadRound(0)),
        .heartbeatAnswer(round: ReadRound(7), promise: .milliseconds(900)),
        .preVote(last: last), .preVoteAnswer(isGranted: true), .preVoteAnswer(isGranted: false),
        .vote(last: last, isTransfer: true), .voteAnswer(isGranted: false), .snapshot(mark), .committed(last),
        .staleTerm, .proposal([]), .proposal([Proposal(data: [9]), Proposal(kind: .configurationChange, data: [])]),
        .readIndex(ReadContext(.max)), .readIndexAnswer(ReadContext(1), LogIndex(2)),
        .transferLeadership(target: two), .timeoutNow,
        .clockQuestion(1 << 40), .clockAnswer(.max, milliseconds: 1_700_000_000_000), .committedQuestion,
        .snapshot(jointMark),
        .append(
            previous: last,
            entries: [
                Entry(term: Term(8), index: LogIndex(301), kind: .jointChange, data: JointChange.leavingData)
            ], commit: LogIndex(300)),
    ]

    private static func message(_ body: Message.Body) -> Message {
        Message(from: one, to: two, term: Term(9), body: body)
    }

    private static func read(_ bytes: [UInt8]) throws -> [Message] {
        var reader = MessageReader(bytes)
        var messages: [Message] = []
        while !reader.isAtEnd { messages.append(try reader.message(from: one, to: two)) }
        return messages
    }

    @Test("each message comes back as it was, alone and in a batch")
    func everyKindComesBack() throws {
        var batch: [UInt8] = []
        for body in Self.bodies {
            var bytes: [UInt8] = []
            MessageCoding.append(Self.message(body), to: &bytes)
            #expect(try Self.read(bytes) == [Self.message(body)])
            batch += bytes
        }
        #expect(try Self.read(batch) == Self.bodies.map(Self.message))
    }

    @Test("a message cut short anywhere is refused")
    func cutShort() {
        for body in Self.bodies {
            var bytes: [UInt8] = []
            MessageCoding.append(Self.message(body), to: &bytes)
            let cuts = bytes.count > 1000 ? [1, 5, bytes.count - 1] : Array(1..<bytes.count)
            for cut in cuts {
                #expect(throws: PeerFormatError.self, "\(body) cut at \(cut)") {
                    try Self.read(Array(bytes[..<cut]))
                }
            }
        }
    }

    @Test("changed bytes are a message or an error, and cost no more memory than they are long")
    func hostileBytes() {
        var random = SeededRandom(seed: 20_261_121)
        var batch: [UInt8] = []
        for body in Self.bodies where !"\(body)".contains("303") {
            MessageCoding.append(Self.message(body), to: &batch)
        }
        var refused = 0
        for _ in 0..<20_000 {
            var bytes = batch
            for _ in 0..<(1 + Int(random.next() % 4)) {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            do { _ = try Self.read(bytes) } catch { refused += 1 }
        }
        #expect(refused > 1000)
    }

    @Test("an index at the end of all numbers doesn't end the process")
    func hugeIndex() {
        var bytes: [UInt8] = [1]
        for number: UInt64 in [1, .max, 1, 1] { Varint.append(number, to: &bytes) }
        #expect(throws: PeerFormatError.self) { try Self.read(bytes + [0, 1, 0, 0]) }
    }

    @Test("a greeting comes back, of another version only the version")
    func greetings() throws {
        var hello = PeerHello(cluster: 77, from: Self.one, to: Self.two)
        #expect(try PeerHello(hello.encoded()) == hello)
        #expect(throws: PeerFormatError.self) { try PeerHello(hello.encoded() + [0]) }
        #expect(throws: PeerFormatError.self) { try PeerHello([1, 2]) }
        hello.version = 2
        #expect(try PeerHello(hello.encoded() + [1, 2, 3]).version == 2)
    }
}
