// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire
internal import NIOCore

extension ClientCore {
    private enum HedgeEvent: Sendable {
        case replied(WireReply, Int)
        case failed(GRPCStatus, Int)
        case broken(any Error)
        case delayPassed(Int)
    }

    /// Makes a call that asks another node too when an answer is late, and takes the first answer.
    ///
    /// Whoever is asked in vain is cancelled: its handler's task ends.
    func hedged(_ call: OutgoingCall, _ message: [UInt8], _ policy: CallHedgingPolicy) async throws -> CallReply {
        let turn = try await self.firstTurn(call)
        turn.set.counters.countCall()
        let first = try self.firstChannel(turn, call)
        var running: [Int: Attempt] = [:]
        defer { for attempt in running.values { self.mark(call, attempt, .abandoned, .now()) } }
        return try await withThrowingTaskGroup(of: HedgeEvent.self) { group in
            defer { group.cancelAll() }
            var state = HedgedCall(policy)
            var progress = CallProgress()
            var started = 0

            func start(_ channel: NodeChannel, in group: inout ThrowingTaskGroup<HedgeEvent, any Error>) {
                started += 1
                let number = started
                let now = NIODeadline.now()
                running[number] = Attempt(set: turn.set, channel: channel, path: turn.path, start: now)
                _ = state.handle(.started)
                channel.begin()
                group.addTask {
                    do {
                        let options = call.attemptOptions(now)
                        return .replied(try await channel.unary(turn.path, message, options), number)
                    } catch let status as GRPCStatus {
                        return .failed(status, number)
                    } catch {
                        return .broken(error)
                    }
                }
                guard state.mayHedge else { return }
                group.addTask {
                    try? await Task.sleep(for: policy.delay.sleepable)
                    return .delayPassed(number)
                }
            }

            start(first, in: &group)
            while let event = try await group.next() {
                switch event {
                case .replied(let reply, let number):
                    guard let attempt = running.removeValue(forKey: number) else { continue }
                    self.ended(call, attempt, answeredAfter: attempt.start)
                    return CallReply(reply: reply, node: attempt.channel.node, attempts: started)
                case .broken(let error):
                    throw CallFailure.error(for: error)
                case .delayPassed(let number):
                    // Only the newest attempt's delay counts.
                    guard number == started, !Task.isCancelled, state.handle(.delayPassed) == .startAnother else {
                        continue
                    }
                    let busy = progress.tried + running.values.map(\.channel)
                    guard
                        turn.set.counters.admitsRetry(
                            self.configuration.retries, nowNanoseconds: NIODeadline.now().uptimeNanoseconds),
                        let other = self.other(call, turn.set, tried: busy)
                    else { continue }
                    start(other, in: &group)
                case .failed(let status, let number):
                    guard let attempt = running.removeValue(forKey: number) else { continue }
                    progress.tried += running.values.map(\.channel)
                    let failed = self.failed(call, attempt, status, &progress)
                    switch state.handle(.failed(failed.decision)) {
                    case .startAnother, .wait: continue
                    case .follow(.nextNode):
                        guard let other = failed.other else { continue }
                        start(other, in: &group)
                    case .follow(.pause):
                        start(try await self.pause(call, turn.set, failed.error, &progress), in: &group)
                    case .follow(.giveUp): throw self.explained(failed.error, call, progress)
                    }
                }
            }
            throw CallFailure.error(for: CancellationError())
        }
    }
}
