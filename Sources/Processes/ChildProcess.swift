// SPDX-License-Identifier: Apache-2.0

package import Foundation
import Synchronization

/// A child process whose standard output is read line by line, and which is told by signals.
///
/// Its standard input is a pipe that this process holds open: a child that watches it learns of its parent's death,
/// however that came about. Its standard error goes into a file. It is in a process group of its own, so that Ctrl-C
/// reaches only the parent, which then ends its children in order. One thread a child reads and waits, so that none
/// becomes a zombie.
package final class ChildProcess: Sendable {
    package enum Exit: Sendable, Equatable, CustomStringConvertible {
        case code(Int32)
        case signal(Int32)

        package var description: String {
            switch self {
            case .code(let code): "exit code \(code)"
            case .signal(let signal): "signal \(signal)"
            }
        }
    }

    package let processID: pid_t
    /// Set when the process has been reaped: its number may belong to another process from then on.
    private let exit = Mutex<Exit?>(nil)

    /// Held from the making of a child's pipes until it has started.
    ///
    /// A pipe can't be made closed on exec from the start on every system: without this, a child that another thread
    /// starts in between would hold an end of it, and whoever reads the other would never see the end.
    private static let starting = Mutex<Void>(())

    private init(processID: pid_t) { self.processID = processID }

    /// Sends a signal, unless the process has ended.
    package func send(_ signal: Int32) {
        exit.withLock { if $0 == nil { kill(processID, signal) } }
    }

    /// Stops the process as a debugger would: its connections stay, and nothing answers until SIGCONT. Returns when all
    /// its threads stand: on a busy machine they would answer a little longer.
    package func freeze() {
        send(SIGSTOP)
        var info = siginfo_t()
        while waitid(P_PID, id_t(processID), &info, WSTOPPED | WNOWAIT) == -1, errno == EINTR {}
    }

    package var hasEnded: Bool { exit.withLock { $0 != nil } }

    /// Starts a process.
    ///
    /// - Parameters:
    ///   - errorFile: Where standard error is appended.
    ///   - onLine: Gets each line of standard output, on a thread of its own.
    ///   - onExit: Called once, after the last line.
    package static func start(
        _ executable: String, _ arguments: [String], environment: [String: String], errorFile: String,
        onLine: @escaping @Sendable (String) -> Void, onExit: @escaping @Sendable (Exit) -> Void
    ) throws -> ChildProcess {
        let (input, output, processID) = try starting.withLock { _ in
            let input = try Pipe.make()
            let output = try Pipe.make()
            do {
                let processID = try SpawnRequest(
                    executable: executable, arguments: arguments, environment: environment, input: input.readEnd,
                    output: output.writeEnd, errorFile: errorFile
                ).spawn()
                return (input, output, processID)
            } catch {
                for end in [input.readEnd, input.writeEnd, output.readEnd, output.writeEnd] { close(end) }
                throw error
            }
        }
        close(input.readEnd)
        close(output.writeEnd)
        let child = ChildProcess(processID: processID)
        Thread.detachNewThread {
            readLines(of: output.readEnd, onLine)
            close(output.readEnd)
            let exit = child.reap()
            close(input.writeEnd)
            onExit(exit)
        }
        return child
    }

    /// Waits for the end, blocking the thread.
    private func reap() -> Exit {
        // First without reaping: as long as the number is ours, `send` may use it.
        var info = siginfo_t()
        while waitid(P_PID, id_t(processID), &info, WEXITED | WNOWAIT) == -1, errno == EINTR {}
        return exit.withLock { exit in
            var status: Int32 = 0
            while waitpid(processID, &status, 0) == -1, errno == EINTR {}
            // The low seven bits are the signal; without one the next byte is the code.
            let signal = status & 0x7F
            let result: Exit = signal == 0 ? .code(status >> 8 & 0xFF) : .signal(signal)
            exit = result
            return result
        }
    }
}

/// A pipe whose ends no other child inherits.
private struct Pipe {
    var readEnd: Int32
    var writeEnd: Int32

    static func make() throws -> Pipe {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw SystemFailure("pipe", errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return Pipe(readEnd: ends[0], writeEnd: ends[1])
    }
}

/// A call of the system that failed.
struct SystemFailure: Error, CustomStringConvertible {
    var description: String

    init(_ call: String, _ code: Int32) { description = "\(call): \(String(cString: strerror(code)))" }
}

/// How much is read at once: what a pipe holds on Linux.
private let chunkByteCount = 1 << 16

/// Reads until the end of the file; a last line without a line end counts too.
private func readLines(of descriptor: Int32, _ deliver: (String) -> Void) {
    var chunk = [UInt8](repeating: 0, count: chunkByteCount)
    var line: [UInt8] = []
    while true {
        let count = read(descriptor, &chunk, chunk.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { break }
        for byte in chunk[..<count] {
            if byte == UInt8(ascii: "\n") {
                deliver(String(decoding: line, as: UTF8.self))
                line.removeAll(keepingCapacity: true)
            } else {
                line.append(byte)
            }
        }
    }
    if !line.isEmpty { deliver(String(decoding: line, as: UTF8.self)) }
}
