// SPDX-License-Identifier: Apache-2.0

package import MartletKeyspace
import MartletRESPCodec
package import MartletStreams

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The machine's files of time zones: what a zone's name means is looked up where a command comes in, and goes on with
/// it.
///
/// A file is read on the loop: some kilobytes that the system has in memory, for a command that a program sends when it
/// starts.
package struct ZoneDirectory: Hashable, Sendable {
    package var path = "/usr/share/zoneinfo"

    package init() {}

    /// A year and some: a clock may be set back, and a run may be late.
    private static let keptSeconds: Int64 = 400 * 86_400

    /// What clocks do in a zone from about now on.
    ///
    /// - Parameter now: milliseconds of the Unix clock.
    /// - Returns: `nil` where there is no such zone, or no file that can be read.
    package func rules(_ name: [UInt8], now: Int64) -> ZoneRules? {
        // No such name leads out of the folder.
        guard NamedZone.isName(name), let bytes = Self.content("\(path)/\(String(decoding: name, as: UTF8.self))")
        else {
            return nil
        }
        return ZoneFile.rules(bytes, from: now / 1000 - Self.keptSeconds)
    }

    private static func content(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: ZoneFile.maximumByteCount)
        var count = 0
        while count < bytes.count {
            // Within the buffer, which outlives the call.
            let got = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress! + count, $0.count - count) }
            if got < 0 {
                if errno == EINTR { continue }
                return nil
            }
            if got == 0 { return Array(bytes[..<count]) }
            count += got
        }
        return nil
    }

    /// The command with a zone's rules in place of its name; as it is where it names none that is known: then it is
    /// refused when it is carried out.
    func resolved(_ entry: CommandEntry, _ arguments: Arguments, now: Int64) -> Arguments {
        guard let word = entry.zoneWord(arguments), let known = rules(arguments.array(word), now: now) else {
            return arguments
        }
        return CommandEntry.withZone(arguments, at: word, known)
    }

    /// The same of all commands of a transaction.
    package func resolved(_ transaction: Transaction, now: Int64) -> Transaction {
        let isConcerned = transaction.items.indices.contains {
            transaction.items[$0].entry.zoneWord(transaction.commands[$0]) != nil
        }
        guard isConcerned else { return transaction }
        var other = Transaction()
        other.watched = transaction.watched
        other.user = transaction.user
        for (index, item) in transaction.items.enumerated() {
            // What has no room is refused as a name that nobody knows.
            let hasRoom = other.byteCount < Transaction.maximumBytes
            let arguments = transaction.commands[index]
            other.append(
                hasRoom ? resolved(item.entry, arguments, now: now) : arguments, item.entry, database: item.database)
        }
        return other
    }
}
