// SPDX-License-Identifier: Apache-2.0

import MartletKeyspace
import MartletRESPCodec
import NIOCore

/// The commands of one connection that were handed over and are timed until their answer.
struct CallTimer {
    private var began = NIODeadline.uptimeNanoseconds(0)
    /// By number. Keeps its memory.
    private var commands: [Int] = []
    /// EXEC, where they are a transaction's.
    private var exec: Int?

    var isRunning: Bool { !commands.isEmpty || exec != nil }

    mutating func start(_ began: NIODeadline, _ items: [(command: Int, entry: CommandEntry)]) {
        self.began = began
        for item in items { commands.append(item.entry.number) }
    }

    mutating func start(_ began: NIODeadline, _ transaction: Transaction, exec: Int) {
        self.began = began
        self.exec = exec
        for item in transaction.items { commands.append(item.entry.number) }
    }

    /// Notes how long they took.
    ///
    /// - Parameter reply: begins with the answer, or with its last part.
    mutating func stop(_ statistics: inout CommandStatistics, _ reply: ArraySlice<UInt8>) {
        let nanoseconds = UInt64(max((NIODeadline.now() - began).nanoseconds, 0))
        if let exec {
            statistics.begin(exec)
            statistics.end(exec, nanoseconds: nanoseconds)
            if reply.first == UInt8(ascii: "-") { statistics.fail(exec, reply) }
            // None of them was carried out where the answer isn't theirs.
            let isWhole = reply.first == UInt8(ascii: "*") && reply.dropFirst().first != UInt8(ascii: "-")
            if isWhole { for command in commands { statistics.begin(command) } } else { commands.removeAll() }
        }
        let share = nanoseconds / UInt64(max(commands.count, 1))
        for command in commands { statistics.end(command, nanoseconds: share) }
        commands.removeAll(keepingCapacity: true)
        exec = nil
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
            hub.calls.begin(entry.number)
            hub.calls.end(entry.number, nanoseconds: UInt64(max((NIODeadline.now() - began).nanoseconds, 0)))
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
