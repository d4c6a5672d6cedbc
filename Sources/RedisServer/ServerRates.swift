// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// How much is done in a second, measured from one question to the next: nothing is sampled where nobody asks.
struct ServerRates {
    struct Rates {
        var commands = 0.0
        var inputKilobytes = 0.0
        var outputKilobytes = 0.0
    }

    private var last: (at: NIODeadline, statistics: ServerStatistics)?
    private var rates = Rates()

    /// Over less a rate says little: who asks again within it gets the same.
    private static let shortestTime = TimeAmount.milliseconds(100)

    mutating func sample(_ statistics: ServerStatistics, at now: NIODeadline) -> Rates {
        // Counters may have been set back.
        guard let last, last.statistics.commands <= statistics.commands else {
            self.last = (now, statistics)
            return rates
        }
        if now - last.at < Self.shortestTime { return rates }
        let seconds = Double((now - last.at).nanoseconds) / 1e9
        func rate(_ part: KeyPath<ServerStatistics, UInt64>) -> Double {
            let (old, new) = (last.statistics[keyPath: part], statistics[keyPath: part])
            return Double(new - min(old, new)) / seconds
        }
        rates = Rates(
            commands: rate(\.commands), inputKilobytes: rate(\.inputBytes) / 1024,
            outputKilobytes: rate(\.outputBytes) / 1024)
        self.last = (now, statistics)
        return rates
    }
}
