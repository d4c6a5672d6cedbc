// SPDX-License-Identifier: Apache-2.0

import Foundation
package import NIOCore
import Synchronization

/// Which member has opened a connection: found in the system's tables, so that it works for any program.
package final class ConnectionOrigins: Sendable {
    /// As the one who opened it sees it, on 127.0.0.1.
    private struct Connection: Hashable {
        var port: UInt16
        var remotePort: UInt16
    }

    private struct State {
        var processes: [String: Int32] = [:]
        var asked: [(Connection, EventLoopPromise<String?>)] = []
        var isLooking = false
    }

    private let state = Mutex(State())

    package init() {}

    package func note(_ name: String, process: Int32) { state.withLock { $0.processes[name] = process } }

    /// The member that has the connection from one port of 127.0.0.1 to the other; `nil` where nobody has, or the
    /// system can't tell.
    ///
    /// All that is asked while the tables are read is answered by the next reading, however much it is: with a reading
    /// for each, on a machine that has little time, callers gave up and came again faster than they were found out.
    package func name(ofPort port: Int, toPort other: Int, on loop: any EventLoop) -> EventLoopFuture<String?> {
        let promise = loop.makePromise(of: String?.self)
        let connection = Connection(port: UInt16(clamping: port), remotePort: UInt16(clamping: other))
        let mustStart = state.withLock { state in
            defer { state.isLooking = true }
            state.asked.append((connection, promise))
            return !state.isLooking
        }
        if mustStart { Thread.detachNewThread { self.look() } }
        return promise.futureResult
    }

    private func look() {
        while true {
            let (asked, processes) = state.withLock { state in
                defer { state.asked = [] }
                if state.asked.isEmpty { state.isLooking = false }
                return (state.asked, state.processes)
            }
            if asked.isEmpty { return }
            let names = Self.names(of: Set(asked.map(\.0)), among: processes)
            for (connection, promise) in asked { promise.succeed(names[connection]) }
        }
    }

    private static func names(of wanted: Set<Connection>, among processes: [String: Int32]) -> [Connection: String] {
        let sockets = socketsAfterSomeLooks(wanted)
        var names: [Connection: String] = [:]
        for (name, process) in processes {
            let folder = "/proc/\(process)/fd"
            for file in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
                guard let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(file)"),
                    let connection = sockets[link]
                else { continue }
                names[connection] = name
            }
        }
        return names
    }

    /// The table comes in pieces: where many sockets come and go meanwhile, some are passed over.
    private static let looks = 4

    /// By what the links of a process's open files say.
    private static func socketsAfterSomeLooks(_ wanted: Set<Connection>) -> [String: Connection] {
        var missing = wanted
        var found: [String: Connection] = [:]
        for _ in 0..<looks where !missing.isEmpty {
            guard let file = FileHandle(forReadingAtPath: "/proc/net/tcp") else { break }
            defer { try? file.close() }
            guard let table = try? file.readToEnd() else { break }
            for line in [UInt8](table).split(separator: UInt8(ascii: "\n")).dropFirst() {
                guard let (connection, inode) = entry(line), missing.remove(connection) != nil else { continue }
                found["socket:[\(inode)]"] = connection
            }
        }
        return found
    }

    /// The lines have: number, local address, remote address, state, two words of queues and timers, retransmissions,
    /// user, timeout, inode.
    private static func entry(_ line: ArraySlice<UInt8>) -> (Connection, inode: String)? {
        let words = line.split(separator: UInt8(ascii: " "), maxSplits: 10)
        guard words.count > 9, let port = port(words[1]), let remotePort = Self.port(words[2]) else { return nil }
        let inode = String(decoding: words[9], as: UTF8.self)
        return inode == "0" ? nil : (Connection(port: port, remotePort: remotePort), inode)
    }

    /// Of an address such as `0100007F:1F90`.
    private static func port(_ address: ArraySlice<UInt8>) -> UInt16? {
        UInt16(String(decoding: address.suffix(4), as: UTF8.self), radix: 16)
    }
}
