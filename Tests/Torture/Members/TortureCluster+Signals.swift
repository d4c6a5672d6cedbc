// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation

extension TortureCluster {
    /// Lets SIGINT and SIGTERM end all members before this process: they are in process groups of their own, and would
    /// stay.
    func endingOnSignals() -> [any DispatchSourceSignal] {
        [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                for member in self.all { member.signalKill() }
                // As a shell reports a process that a signal ended.
                exit(128 + number)
            }
            source.resume()
            return source
        }
    }
}
