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
    }

    let reasons: AsyncStream<Reason>

    /// - Parameter watchesInput: Whether the end of standard input counts.
    init(watchesInput: Bool = false) async {
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let (reasons, continuation) = AsyncStream.makeStream(of: Reason.self, bufferingPolicy: .bufferingNewest(4))
        self.reasons = reasons
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

    /// Waits for the first reason.
    func wait() async -> Reason? {
        for await reason in reasons { return reason }
        return nil
    }
}
