// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import Synchronization

/// Commands that are sent as one piece, and whoever waits for their replies.
///
/// It is resumed once: by the last reply, a failure, or the cancellation of who waits. A cancelled one that was sent
/// stays in its place, for its replies come all the same.
final class Exchange: Sendable {
    private enum Phase {
        /// Nobody waits yet.
        case new
        case waiting(CheckedContinuation<[RedisValue], any Error>)
        /// The outcome is there before somebody waits.
        case settled(Result<[RedisValue], any Error>)
        case over
    }

    private struct State {
        var phase = Phase.new
        var replies: [RedisValue] = []
        var wasSent = false
    }

    let bytes: [UInt8]
    let replyCount: Int
    /// When it is given up.
    let deadline: NIODeadline
    let isRepeatable: Bool
    private let state = Mutex(State())

    init(_ commands: [RedisCommand], deadline: NIODeadline) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(commands.reduce(0) { $0 + $1.byteCount })
        for command in commands { command.write(to: &bytes) }
        self.bytes = bytes
        replyCount = commands.count
        self.deadline = deadline
        isRepeatable = commands.allSatisfy(\.isRepeatable)
    }

    init(_ command: RedisCommand, deadline: NIODeadline) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(command.byteCount)
        command.write(to: &bytes)
        self.bytes = bytes
        replyCount = 1
        self.deadline = deadline
        isRepeatable = command.isRepeatable
    }

    /// Waits for the replies. Once.
    func replies() async throws -> [RedisValue] {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let outcome = state.withLock { state -> Result<[RedisValue], any Error>? in
                    if case .settled(let outcome) = state.phase {
                        state.phase = .over
                        return outcome
                    }
                    state.phase = .waiting(continuation)
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            settle(.failure(CancellationError()))
        }
    }

    /// Takes a reply; whether it was the last one.
    func take(_ reply: RedisValue) -> Bool {
        let replies = state.withLock { state -> [RedisValue]? in
            state.replies.append(reply)
            return state.replies.count == replyCount ? state.replies : nil
        }
        guard let replies else { return false }
        settle(.success(replies))
        return true
    }

    /// Ends it, unless it has ended.
    func settle(_ outcome: Result<[RedisValue], any Error>) {
        let continuation = state.withLock { state -> CheckedContinuation<[RedisValue], any Error>? in
            switch state.phase {
            case .waiting(let continuation):
                state.phase = .over
                return continuation
            case .new:
                state.phase = .settled(outcome)
                return nil
            case .settled, .over: return nil
            }
        }
        continuation?.resume(with: outcome)
    }

    func fail(_ error: RedisError) { settle(.failure(error)) }

    /// Marks it as sent, unless nobody waits any more.
    func send() -> Bool {
        state.withLock { state in
            switch state.phase {
            case .new, .waiting:
                state.wasSent = true
                return true
            case .settled, .over: return false
            }
        }
    }

    /// Whether it may be sent over another connection, now that the one that it was given to has broken. Replies that
    /// came already are forgotten.
    func returnsToQueue() -> Bool {
        state.withLock { state in
            switch state.phase {
            case .new, .waiting:
                guard !state.wasSent || isRepeatable else { return false }
                state.replies = []
                state.wasSent = false
                return true
            case .settled, .over: return false
            }
        }
    }

    var wasSent: Bool { state.withLock { $0.wasSent } }
    var isOver: Bool {
        state.withLock { state in
            switch state.phase {
            case .new, .waiting: false
            case .settled, .over: true
            }
        }
    }
}
