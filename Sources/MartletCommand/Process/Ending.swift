// SPDX-License-Identifier: Apache-2.0

import Foundation
import UnixSignals

/// What ends a process that runs until it is told to stop: SIGTERM, SIGINT, or the end of its standard input.
///
/// From the moment this is made, the two signals no longer end the process by themselves.
struct Ending: Sendable {
    enum Reason: Sendable {
        case signal(name: String, number: Int32)
        /// Standard input ended: for a child that means that its parent is gone, however that died.
        case inputEnded
        /// The process can't do its work any more, and has said why.
        case failed
    }

    let reasons: AsyncStream<Reason>
    private let continuation: AsyncStream<Reason>.Continuation

    /// - Parameter watchesInput: Whether the end of standard input counts.
    init(watchesInput: Bool = false) async {
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let (reasons, continuation) = AsyncStream.makeStream(of: Reason.self, bufferingPolicy: .bufferingNewest(4))
        self.reasons = reasons
        self.continuation = continuation
        let waiting = Task {
            for await signal in signals {
                continuation.yield(
                    signal == .sigint
                        ? .signal(name: "SIGINT", number: SIGINT) : .signal(name: "SIGTERM", number: SIGTERM))
            }
        }
        continuation.onTermination = { _ in waiting.cancel() }
        if watchesInput {
            Thread.detachNewThread {
                // Nothing is ever written there; whatever comes is skipped.
                while readLine() != nil {}
                continuation.yield(.inputEnded)
            }
        }
    }

    /// Ends this process by a signal, as if it had never been trapped. Returns only in process 1: the kernel protects
    /// it from signals that it has left at their default.
    static func endProcess(by number: Int32) {
        guard getpid() != 1 else { return }
        signal(number, SIG_DFL)
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, number)
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
        raise(number)
    }

    /// Ends this process as one that did what it was asked.
    static func endProcess() -> Never { exit(0) }

    /// Gives a reason oneself.
    func end(_ reason: Reason) {
        continuation.yield(reason)
    }

    /// Waits for the first reason.
    func wait() async -> Reason? {
        for await reason in reasons { return reason }
        return nil
    }
}
