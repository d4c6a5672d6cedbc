// SPDX-License-Identifier: Apache-2.0

package import MartletAuth
package import MartletKeyspace
package import MartletRESPCodec
import MartletStreams
package import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A keyspace in the memory of one process: commands take effect at once, and nothing outlives the process.
package final class InMemoryEngine: KeyspaceEngine {
    private var space: WaitingKeyspace
    private let loop: any EventLoop
    package weak var clients: (any KeyspaceClients)?
    private var random = SystemRandomNumberGenerator()
    /// When the timer goes off, on the clock of timeouts.
    private var timer: (scheduled: Scheduled<Void>, at: Int64)?
    private var lastNow: Int64 = 0

    package init(loop: any EventLoop) {
        self.loop = loop
        var configuration = StreamConfiguration()
        configuration.isCheckpointed = false
        space = WaitingKeyspace(Keyspace(hashSeed: random.next(), streamConfiguration: configuration))
    }

    package var keyspace: Keyspace { space.keyspace }
    package var access: AccessControl { space.keyspace.access }
    package var accessVersion: AccessControl.Version { space.keyspace.access.version }
    package var blocked: BlockedReaders.Counts { space.blocked.counts }

    package var isDurable: Bool { false }
    package var offset: Int64 { Int64(clamping: space.keyspace.changeCount) }

    package var cluster: EngineCluster { EngineCluster() }

    package var isNotifying: Bool {
        get { space.keyspace.isNotifying }
        set { space.keyspace.isNotifying = newValue }
    }

    /// Never goes back, as the stamps of a log.
    package var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        lastNow = max(lastNow, Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
        return lastNow
    }

    private var ticks: Int64 { Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000) }

    // MARK: Commands

    package func run(_ request: CommandRequest, _ reply: inout ReplyWriter) -> CommandAnswer {
        let (now, ticks) = (now, ticks)
        var answer = CommandAnswer.complete
        for (index, item) in request.items.enumerated() {
            if reply.bytes.count >= request.replyBytes, index > 0 {
                answer = .full(index)
                break
            }
            let call = Call(
                request.commands[item.command], database: request.database, now: now, seed: random.next(),
                client: request.client)
            if space.run(item.entry, call, ticks: ticks, &reply) == .waits { answer = .later }
            if !space.keyspace.signals.isEmpty { space.serve(now: now, seed: random.next()) }
        }
        finish(ticks)
        return answer
    }

    package func run(
        _ transaction: Transaction, client: UInt64, _ reply: inout ReplyWriter,
        outside: (Int, inout ReplyWriter) -> Void
    ) -> CommandAnswer {
        space.keyspace.apply(
            transaction, now: now, seed: random.next(), client: client, &reply, outside: outside)
        space.serve(now: now, seed: random.next())
        finish(ticks)
        return .complete
    }

    package func unblock(_ client: UInt64, _ unblocking: WaitingKeyspace.Unblocking) -> Bool {
        let isWaiting = space.unblock(client, unblocking)
        finish(ticks)
        return isWaiting
    }

    package func remove(_ client: UInt64) {
        space.remove(client)
    }

    // MARK: Afterwards

    private func finish(_ ticks: Int64) {
        if !space.answers.isEmpty || !space.keyspace.events.isEmpty { tell() }
        schedule(ticks)
    }

    private func tell() {
        let events = space.keyspace.events
        space.keyspace.events = []
        if !events.isEmpty { clients?.notify(events) }
        let answers = space.answers
        space.answers = []
        for answer in answers {
            var reply = CommandReply(client: answer.client, bytes: answer.bytes)
            reply.failures = answer.failures
            reply.lookups = answer.lookups
            clients?.answer(reply)
        }
    }

    /// Sees to it that `tick` runs when something is due.
    private func schedule(_ ticks: Int64) {
        var next = space.blocked.nextDeadline
        if let moment = [space.blocked.nextClaim, space.keyspace.nextDue].compactMap({ $0 }).min() {
            let (due, overflows) = ticks.addingReportingOverflow(max(moment - now, 0))
            if !overflows { next = min(next ?? .max, due) }
        }
        guard let next else { return }
        if let timer, timer.at <= next { return }
        timer?.scheduled.cancel()
        let delay = TimeAmount.milliseconds(min(max(next - ticks, 0), Self.longestSleep))
        let bound = NIOLoopBound(self, eventLoop: loop)
        timer = (loop.scheduleTask(in: delay) { bound.value.tick() }, next)
    }

    /// An hour: whatever is due later is looked at again then.
    private static let longestSleep: Int64 = 3_600_000

    private func tick() {
        timer = nil
        space.tick(now: now, ticks: ticks, seed: random.next())
        finish(ticks)
    }

    /// There is no auth service, so nobody's password is asked for here.
    package func check(_ login: Login, then answer: @escaping (Bool) -> Void) -> Bool { false }

    /// There is nobody else.
    package func publish(_ channel: [UInt8], _ message: [UInt8], isShard: Bool) {}
    package var lostMessages: UInt64 { 0 }
    package var unconfirmedMessages: UInt64 { 0 }

    /// A process without a member has no log of its own; `ACL LOG` tells.
    package func note(_ denied: AuditRecord) {}

    package func stop() {
        timer?.scheduled.cancel()
        timer = nil
    }
}
