// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletNode
import MartletRaft
import MartletReplica
import NIOCore
import NIOPosix
import Testing

/// What comes back to a member while it carries out what its replica wants.
@Suite(.timeLimit(.minutes(30))) struct MemberStepTests {
    /// Confined to the member's loop.
    private final class Log {
        let member: Member
        var sent: [Message] = []
        /// Of all that was sent, after the first election and what was tried then.
        var receivers: [MemberID]?

        init(_ member: Member) { self.member = member }
    }

    /// A member of three; the others are nowhere.
    private static func configuration() -> ReplicaConfiguration {
        let founders = (1...3).map { number in
            MemberContext(
                member: MemberID(UInt64(number)), peerURLs: ["http://localhost:\(number)"], name: "m\(number)")
        }
        var configuration = ReplicaConfiguration(
            member: MemberID(1), name: "m1", clientURLs: [], peerURLs: ["http://localhost:1"], seed: 1)
        configuration.beginning = .together(founders)
        return configuration
    }

    /// What a turn has looked at is the time for all that it does; but a read by lease may have come after that look.
    @Test(arguments: [false, true]) func aStepKnowsThePresentWhereReadsGoByLease(hasLease: Bool) async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let (before, after) = try await loop.submit {
            var configuration = Self.configuration()
            if hasLease { configuration.raft.lease = LeaseSettings(tick: .milliseconds(100)) }
            let member = Member(
                inMemory: configuration, configuration: MemberConfiguration(),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, eventLoop: loop)
            try member.start()
            member.read { _ in }
            let before = member.now.monotonic
            let start = NIODeadline.now()
            while NIODeadline.now() == start {}
            member.peerUnreachable(MemberID(2))
            let after = member.now.monotonic
            _ = member.stop()
            return (before, after)
        }.get()
        #expect(hasLease ? before < after : before == after)
    }

    /// A connection that breaks under a message says so before the call that sends has returned.
    @Test func aBrokenConnectionRepeatsNothing() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let log = try await loop.submit {
            let member = Member(
                inMemory: Self.configuration(), configuration: MemberConfiguration(),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, eventLoop: loop)
            let log = Log(member)
            member.onMessages = { [unowned log] messages in
                log.sent += messages
                log.member.peerUnreachable(messages[0].to)
                // At once, before the next election. Each of them would take along what an earlier step has left.
                guard log.sent.count >= 2, log.receivers == nil else { return }
                log.receivers = []
                let bound = NIOLoopBound(log, eventLoop: loop)
                loop.execute {
                    for _ in 0..<3 { bound.value.member.peerUnreachable(MemberID(2)) }
                    bound.value.receivers = bound.value.sent.map(\.to)
                }
            }
            try member.start()
            return NIOLoopBound(log, eventLoop: loop)
        }.get()
        // A pre-vote goes to both others.
        var receivers: [MemberID] = []
        while receivers.isEmpty {
            try await Task.sleep(for: .milliseconds(5))
            receivers = try await loop.submit { log.value.receivers ?? [] }.get()
        }
        #expect(receivers.sorted { $0.rawValue < $1.rawValue } == [MemberID(2), MemberID(3)])
        try await loop.flatSubmit { log.value.member.stop() }.get()
    }
}
