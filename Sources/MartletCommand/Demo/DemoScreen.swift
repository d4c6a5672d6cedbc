// SPDX-License-Identifier: Apache-2.0

import Histogram

/// What the reader sees while the demonstration runs: sentences, and below them one line that lives.
///
/// On a terminal the line is written over; in a log it comes anew every two seconds.
struct DemoScreen {
    private let isTerminal: Bool
    private let style: TerminalStyle
    private let output = StandardStream.output
    private var latencies: Histogram<UInt64>
    /// Who gave the latest answers, oldest first.
    private var recent: [String] = []
    private let recentLimit: Int
    private var errors = 0
    private var lastLine = Duration.zero
    private var hasLine = false

    /// Between two live lines: fast enough to feel alive, and sparse in a log.
    private static let terminalInterval = Duration.milliseconds(100)
    private static let logInterval = Duration.seconds(2)
    /// In microseconds: a minute, far above any call's time limit.
    private static let longestLatency: UInt64 = 60_000_000

    /// Shares are shown of the calls of this many seconds.
    private static let shareSeconds = 2

    init(style: TerminalStyle, isTerminal: Bool, callsPerSecond: Int) {
        self.style = style
        self.isTerminal = isTerminal
        recentLimit = callsPerSecond * Self.shareSeconds
        latencies = Histogram(highestTrackableValue: Self.longestLatency)
    }

    mutating func note(_ report: DemoReport) {
        switch report {
        case .answered(_, let node, _, let microseconds):
            recent.append(node)
            if recent.count > recentLimit { recent.removeFirst() }
            _ = latencies.record(min(microseconds, Self.longestLatency))
        case .failed(_, _, let microseconds):
            errors += 1
            _ = latencies.record(min(microseconds, Self.longestLatency))
        case .listening, .serving, .began, .ended: break
        }
    }

    /// Prints a sentence above the live line.
    mutating func say(_ text: String, at time: Duration) {
        clearLine()
        output.writeLine(style.dim(DemoText.padded(DemoText.seconds(time), 7)) + "  " + text)
    }

    /// Prints text that stands by itself.
    mutating func print(_ lines: [String]) {
        clearLine()
        for line in lines { output.writeLine(line) }
    }

    /// Brings the live line up to date, if it is time for that.
    mutating func refresh(at time: Duration) {
        guard latencies.totalCount > 0 else { return }
        guard time - lastLine >= (isTerminal ? Self.terminalInterval : Self.logInterval) else { return }
        lastLine = time
        let line = DemoText.padded(DemoText.seconds(time), 7) + "  " + summary
        if isTerminal {
            output.write("\r" + line + "\u{1B}[K")
            hasLine = true
        } else {
            output.writeLine(line)
        }
    }

    private var summary: String {
        let calls = Int(latencies.totalCount)
        let shares = Set(recent).sorted().map { name in
            "\(name) \(DemoText.decimal(100 * Double(recent.count { $0 == name }) / Double(recent.count))) %"
        }
        let errors = errors == 0 ? style.green("errors 0") : style.red("errors \(errors)")
        let median = DemoText.milliseconds(latencies.valueAtPercentile(50))
        let slow = DemoText.milliseconds(latencies.valueAtPercentile(99))
        return "calls \(calls)  \(errors)  p50 \(median)  p99 \(slow)  last \(Self.shareSeconds) s: "
            + shares.joined(separator: ", ")
    }

    /// Takes the live line off the terminal, or ends it where the demonstration ends.
    mutating func clearLine() {
        guard hasLine else { return }
        hasLine = false
        output.write("\r\u{1B}[K")
    }
}
