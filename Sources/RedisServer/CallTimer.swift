// SPDX-License-Identifier: Apache-2.0

package import MartletKeyspace
import MartletRESPCodec
package import NIOCore

/// The commands of one connection that were handed over and are timed until their answer.
package struct CallTimer {
    private var began = NIODeadline.uptimeNanoseconds(0)
    /// The same command several times in a row, by its number: what a pipeline holds. Keeps its memory.
    private var runs: [(command: Int, count: Int)] = []
    /// EXEC, where they are a transaction's.
    private var exec: Int?

    package init() {}

    package var isRunning: Bool { !runs.isEmpty || exec != nil }

    private mutating func add(_ command: Int) {
        if let last = runs.indices.last, runs[last].command == command {
            runs[last].count += 1
        } else {
            runs.append((command, 1))
        }
    }

    /// Whatever was not stopped has no time.
    private mutating func begin(_ began: NIODeadline) {
        if isRunning {
            runs.removeAll(keepingCapacity: true)
            exec = nil
        }
        self.began = began
    }

    /// Takes note of commands that are about to be carried out.
    package mutating func start(
        _ began: NIODeadline, _ items: [(command: Int, entry: CommandEntry)], _ statistics: inout CommandStatistics
    ) {
        begin(began)
        for item in items { add(item.entry.number) }
        for run in runs { statistics.begin(run.command, count: run.count) }
    }

    package mutating func start(_ began: NIODeadline, _ transaction: Transaction, exec: Int) {
        begin(began)
        self.exec = exec
        for item in transaction.items { add(item.entry.number) }
    }

    /// The last ones, so many, are not carried out.
    mutating func takeBack(_ count: Int, _ statistics: inout CommandStatistics) {
        var left = count
        while left > 0, let last = runs.indices.last {
            let part = min(left, runs[last].count)
            statistics.takeBack(runs[last].command, count: part)
            runs[last].count -= part
            if runs[last].count == 0 { runs.removeLast() }
            left -= part
        }
    }

    /// Notes how long they took.
    ///
    /// - Parameter reply: begins with the answer, or with its last part.
    /// - Returns: nanoseconds of each; nil where none was carried out.
    @discardableResult
    package mutating func stop(_ statistics: inout CommandStatistics, _ reply: ArraySlice<UInt8>) -> UInt64? {
        let nanoseconds = UInt64(max((NIODeadline.now() - began).nanoseconds, 0))
        if let exec {
            statistics.begin(exec)
            statistics.end(exec, nanoseconds: nanoseconds)
            if reply.first == UInt8(ascii: "-") { statistics.fail(exec, reply) }
            // None of them was carried out where the answer isn't theirs.
            let isWhole = reply.first == UInt8(ascii: "*") && reply.dropFirst().first != UInt8(ascii: "-")
            if !isWhole { runs.removeAll() }
            for run in runs { statistics.begin(run.command, count: run.count) }
        }
        let count = runs.reduce(0) { $0 + $1.count }
        let share = nanoseconds / UInt64(max(count, 1))
        for run in runs { statistics.end(run.command, nanoseconds: share, count: run.count) }
        runs.removeAll(keepingCapacity: true)
        exec = nil
        return count == 0 ? nil : share
    }
}

extension RESPConnection {
    /// Takes note of a command that was answered here.
    ///
    /// - Parameters:
    ///   - finding: what was found for its words.
    ///   - begin: where its answer begins.
    func count(_ finding: CommandTable.Finding, _ arguments: Arguments, since began: NIODeadline, at begin: Int) {
        let isError = begin < reply.bytes.count && reply.bytes[begin] == UInt8(ascii: "-")
        switch finding {
        case .refused:
            let entry = CommandTable.shared.named(arguments)
            hub.calls.fail(entry?.number, reply.bytes[begin...], isRejected: true)
        case .found(let entry):
            if session.hasRefused {
                hub.calls.fail(entry.number, reply.bytes[begin...], isRejected: true)
                return
            }
            // What is queued is counted when it is carried out.
            if session.transaction != nil, !entry.flags.contains(.notQueued) { return }
            let nanoseconds = UInt64(max((NIODeadline.now() - began).nanoseconds, 0))
            hub.calls.begin(entry.number)
            hub.calls.end(entry.number, nanoseconds: nanoseconds)
            if nanoseconds >= hub.notableNanoseconds { hub.noteSlow(arguments, nanoseconds, self) }
            if isError { hub.calls.fail(entry.number, reply.bytes[begin...]) }
        }
    }

    /// Takes note of errors in what has come for commands that were handed over.
    func countFailures(_ answer: CommandReply) {
        if !answer.failures.isEmpty {
            hub.calls.note(answer.failures)
        } else if answer.bytes.first == UInt8(ascii: "-"), !timer.isRunning {
            // Of one who waited, and was told by somebody else.
            hub.calls.fail(nil, answer.bytes[...])
        }
    }
}
