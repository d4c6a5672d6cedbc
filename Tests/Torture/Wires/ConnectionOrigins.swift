// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// Which member has opened a connection: found in the system's tables, so that it works for any program.
package final class ConnectionOrigins: Sendable {
    private let processes = Mutex<[String: Int32]>([:])

    package init() {}

    package func note(_ name: String, process: Int32) { processes.withLock { $0[name] = process } }

    /// The member that has the connection from one port of 127.0.0.1 to the other; `nil` where nobody has, or the
    /// system can't tell.
    package func name(ofPort port: Int, toPort other: Int) -> String? {
        guard let inode = Self.inodeAfterSomeLooks(from: port, to: other) else { return nil }
        let wanted = "socket:[\(inode)]"
        for (name, process) in processes.withLock({ $0 }) where Self.files(of: process).contains(wanted) {
            return name
        }
        return nil
    }

    /// The table comes in pieces: where many sockets come and go meanwhile, some are passed over.
    private static let looks = 4

    private static func inodeAfterSomeLooks(from port: Int, to other: Int) -> String? {
        for _ in 0..<looks {
            if let inode = inode(from: port, to: other) { return inode }
        }
        return nil
    }

    private static func files(of process: Int32) -> [String] {
        let folder = "/proc/\(process)/fd"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)") }
    }

    /// The number of the socket, from the table whose lines have: number, local address, remote address, state, two
    /// words of queues and timers, retransmissions, user, timeout, inode.
    private static func inode(from port: Int, to other: Int) -> String? {
        guard let file = FileHandle(forReadingAtPath: "/proc/net/tcp") else { return nil }
        defer { try? file.close() }
        guard let data = try? file.readToEnd() else { return nil }
        let (local, remote) = (suffix(port), suffix(other))
        for line in String(decoding: data, as: UTF8.self).split(separator: "\n").dropFirst() {
            let words = line.split(separator: " ")
            if words.count > 9, words[1].hasSuffix(local), words[2].hasSuffix(remote), words[9] != "0" {
                return String(words[9])
            }
        }
        return nil
    }

    private static func suffix(_ port: Int) -> String {
        let digits = String(port, radix: 16, uppercase: true)
        return ":" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
