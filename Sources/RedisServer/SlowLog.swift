// SPDX-License-Identifier: Apache-2.0

package import MartletKeyspace
package import MartletRESPCodec

/// Commands that took long, the newest first.
///
/// A command's time is that of `CommandStatistics`: until its answer, the log's sync included. Commands of one read
/// that are handed over together share it.
package struct SlowLog {
    package struct Entry {
        package fileprivate(set) var id: Int64 = 0
        /// Seconds of the Unix clock.
        package var time: Int64
        package var microseconds: Int64
        package var words: [[UInt8]]
        package var address: String
        package var name: [UInt8]

        package init(time: Int64, microseconds: Int64, words: [[UInt8]], address: String, name: [UInt8]) {
            self.time = time
            self.microseconds = microseconds
            self.words = words
            self.address = address
            self.name = name
        }

        /// Of memory, about: each word is an array of its own.
        fileprivate var byteCount: Int {
            words.reduce(address.utf8.count + name.count + Self.fixedBytes) { $0 + $1.count + Self.wordBytes }
        }

        private static let fixedBytes = 128
        private static let wordBytes = 48
    }

    /// The latest last. Those before `first` are gone, so that one that is added moves no others.
    private var all: [Entry] = []
    private var first = 0
    private var byteCount = 0
    private var kept: Int
    private var nextID: Int64 = 0

    /// - Parameter kept: entries that are told at most.
    package init(keeping kept: Int) {
        self.kept = kept
    }

    /// The latest first.
    package var entries: ReversedCollection<ArraySlice<Entry>> { all[first...].reversed() }

    /// Of all entries together, however many may be kept: thousands of the longest.
    package static let maximumBytes = 16 << 20

    /// What a command's words are cut to, and the client's name with them. Source: Redis, but for the name.
    package static let maximumWords = 32
    package static let maximumWordBytes = 128
    private static let hidden = Array("(redacted)".utf8)

    /// The words of a command as they are kept: cut where they are long, and without passwords.
    package static func words(_ arguments: Arguments, _ entry: CommandEntry?) -> [[UInt8]] {
        let secret = secretWords(arguments, entry)
        let kept = arguments.count > maximumWords ? maximumWords - 1 : arguments.count
        var words = (0..<kept).map { index -> [UInt8] in
            secret.contains(index) ? hidden : cut(arguments[index])
        }
        if kept < arguments.count { words.append(Array("... (\(arguments.count - kept) more arguments)".utf8)) }
        return words
    }

    fileprivate static func cut(_ word: ArraySlice<UInt8>) -> [UInt8] {
        if word.count <= maximumWordBytes { return Array(word) }
        return word.prefix(maximumWordBytes) + Array("... (\(word.count - maximumWordBytes) more bytes)".utf8)
    }

    private static func secretWords(_ arguments: Arguments, _ entry: CommandEntry?) -> Range<Int> {
        switch entry?.name {
        case "auth": return 1..<arguments.count
        case "acl|setuser": return 2..<arguments.count
        case "hello":
            // Names may read like the option: what could be a password behind any of them is taken for one.
            let options = (1..<arguments.count).filter { arguments.matches($0, "AUTH") }
            guard let first = options.first, let last = options.last else { return 0..<0 }
            return min(first + 1, arguments.count)..<min(last + 3, arguments.count)
        default: return 0..<0
        }
    }

    /// - Parameter entry: gets its number.
    package mutating func note(_ entry: Entry) {
        var entry = entry
        entry.id = nextID
        nextID += 1
        all.append(entry)
        byteCount += entry.byteCount
        letGo()
    }

    /// Keeps so many from now on.
    package mutating func keep(_ count: Int) {
        kept = count
        letGo()
    }

    /// Lets the oldest go that are too many.
    private mutating func letGo() {
        while all.count - first > kept || byteCount > Self.maximumBytes {
            byteCount -= all[first].byteCount
            all[first].words = []
            first += 1
        }
        guard 2 * first > all.count else { return }
        all.removeFirst(first)
        first = 0
    }

    package mutating func removeAll() { (all, first, byteCount) = ([], 0, 0) }
}

extension ClientHub {
    /// Takes note of a command that took long.
    ///
    /// - Parameter nanoseconds: at least `notableNanoseconds`.
    func noteSlow(_ arguments: Arguments, _ nanoseconds: UInt64, _ connection: RESPConnection) {
        let entry = CommandTable.shared.named(arguments)
        let microseconds = Int64(clamping: nanoseconds / 1000)
        if settings.slowMicroseconds >= 0, microseconds >= Int64(settings.slowMicroseconds) {
            let noted = SlowLog.Entry(
                time: engine.now / 1000, microseconds: microseconds, words: SlowLog.words(arguments, entry),
                address: connection.address, name: SlowLog.cut(connection.session.name[...]))
            slowLog.note(noted)
        }
        let milliseconds = microseconds / 1000
        if settings.latencyMilliseconds > 0, milliseconds >= Int64(settings.latencyMilliseconds) {
            latencies.note(
                entry?.flags.contains(.fast) == true ? .fastCommand : .command, milliseconds, at: engine.now / 1000)
        }
    }

    /// SLOWLOG GET.
    func tellSlow(_ arguments: Arguments, _ reply: inout ReplyWriter) {
        if arguments.count > 3 {
            return reply.error(
                "ERR unknown subcommand or wrong number of arguments for '\(arguments.text(1))'. Try SLOWLOG HELP.")
        }
        var count = 10
        if arguments.count == 3 {
            guard let number = arguments.integer(2), number >= -1 else {
                return reply.error("ERR count should be greater than or equal to -1")
            }
            count = number == -1 ? .max : Int(clamping: number)
        }
        let told = slowLog.entries.prefix(count)
        reply.array(told.count)
        for entry in told {
            reply.array(6)
            reply.integer(entry.id)
            reply.integer(entry.time)
            reply.integer(entry.microseconds)
            reply.array(entry.words.count)
            for word in entry.words { reply.bulk(word) }
            reply.bulk(entry.address)
            reply.bulk(entry.name)
        }
    }
}
