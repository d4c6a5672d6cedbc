// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// Where a word of a command stands in its buffer.
public struct ArgumentPlace: Hashable, Sendable {
    public var begin: UInt32
    public var count: UInt32

    init(begin: UInt32, count: UInt32) {
        self.begin = begin
        self.count = count
    }
}

extension [ArgumentPlace] {
    /// Adds the length of a word to its packed buffer, and the place of the word, whose bytes must follow there.
    @inline(__always)
    fileprivate mutating func appendWord(byteCount: Int, startingIn bytes: inout [UInt8]) {
        Varint.append(UInt64(byteCount), to: &bytes)
        append(ArgumentPlace(begin: UInt32(bytes.count), count: UInt32(byteCount)))
    }
}

/// The words of one command, where they stand: a view that shares its buffer with others.
///
/// Packed, each word is its length, a varint, and its bytes. Words that follow one another lie without gaps, so that
/// names and values of an entry are one piece of the buffer, in the form in which a stream takes them.
public struct Arguments: Sendable {
    public let bytes: [UInt8]
    @usableFromInline let places: [ArgumentPlace]
    @usableFromInline var first: Int
    @usableFromInline var wordCount: Int
    /// Words, the command's name included.
    @inlinable public var count: Int { wordCount }

    // Inlined into other modules, as what reads words is: a view that doesn't leave its function isn't retained then.
    @inlinable
    init(bytes: [UInt8], places: [ArgumentPlace], first: Int, count: Int) {
        self.bytes = bytes
        self.places = places
        self.first = first
        wordCount = count
    }

    /// A command of its own, from its words.
    public init(_ words: [[UInt8]]) {
        var builder = Builder(wordCount: words.count, byteCount: words.reduce(0) { $0 + $1.count })
        for word in words { builder.append(word.span.bytes) }
        self = builder.arguments
    }

    /// Makes a command of its own, word by word: two allocations where its size was said well.
    public struct Builder {
        private var bytes: [UInt8] = []
        private var places: [ArgumentPlace] = []

        /// - Parameter byteCount: of all words, about.
        public init(wordCount: Int, byteCount: Int) {
            // Most lengths take a byte.
            bytes.reserveCapacity(byteCount + 2 * wordCount)
            places.reserveCapacity(wordCount)
        }

        public mutating func append(_ word: RawSpan) {
            places.appendWord(byteCount: word.byteCount, startingIn: &bytes)
            bytes.append(copying: word)
        }

        public mutating func append(_ word: StaticString) {
            places.appendWord(byteCount: word.utf8CodeUnitCount, startingIn: &bytes)
            bytes.append(text: word)
        }

        public var arguments: Arguments { Arguments(bytes: bytes, places: places, first: 0, count: places.count) }
    }

    public init(_ words: String...) {
        self.init(words.map { Array($0.utf8) })
    }

    /// The bytes of a word in `bytes`.
    @inlinable
    @inline(__always)
    public func range(_ index: Int) -> Range<Int> {
        precondition(index < count, "word \(index) of \(count)")
        let place = places[first + index]
        return Int(place.begin)..<Int(place.begin) + Int(place.count)
    }

    /// A word where it stands.
    public subscript(index: Int) -> ArraySlice<UInt8> { bytes[range(index)] }

    /// A copy of a word.
    public func array(_ index: Int) -> [UInt8] {
        let range = range(index)
        return Array(copying: bytes.span.bytes.extracting(range))
    }

    public func text(_ index: Int) -> String { String(decoding: self[index], as: UTF8.self) }

    @inlinable
    @inline(__always)
    public func byteCount(_ index: Int) -> Int { range(index).count }

    /// The only byte of a word; `nil` where it has none or more.
    @inlinable
    @inline(__always)
    public func byte(_ index: Int) -> UInt8? {
        let range = range(index)
        return range.count == 1 ? bytes[range.lowerBound] : nil
    }

    /// The number that a word says; `nil` where it says none. See `Decimal.integer`.
    public func integer(_ index: Int) -> Int64? {
        let range = range(index)
        return Decimal.integer(bytes.span.bytes.extracting(range))
    }

    /// Whether a word is this one, in letters of whatever case.
    ///
    /// - Parameter word: in capital letters.
    @inlinable
    @inline(__always)
    public func matches(_ index: Int, _ word: StaticString) -> Bool {
        let range = range(index)
        if range.count != word.utf8CodeUnitCount { return false }
        return word.withUTF8Buffer { letters in
            for offset in 0..<letters.count {
                var byte = bytes[range.lowerBound + offset]
                if byte &- UInt8(ascii: "a") < 26 { byte &-= 32 }
                if byte != letters[offset] { return false }
            }
            return true
        }
    }

    /// Words from `index` on with their lengths, as one piece of `bytes`.
    public func packedRange(from index: Int) -> Range<Int> {
        guard index < count else { return 0..<0 }
        let begin = range(index)
        return begin.lowerBound - Varint.length(of: UInt64(begin.count))..<range(count - 1).upperBound
    }

    /// The command behind the words in front of it, as of a container's.
    public func dropping(_ words: Int) -> Arguments {
        precondition(words <= count, "\(words) of \(count)")
        return Arguments(bytes: bytes, places: places, first: first + words, count: count - words)
    }
}

/// Commands one behind the other in one buffer: what a read of a connection brought, or what a log record holds.
public struct CommandBatch: Sendable {
    @usableFromInline
    struct Command: Sendable {
        @usableFromInline var first: UInt32
        @usableFromInline var count: UInt32
    }

    /// Packed words: see `Arguments`.
    public private(set) var bytes: [UInt8] = []
    @usableFromInline private(set) var places: [ArgumentPlace] = []
    @usableFromInline private(set) var commands: [Command] = []

    public init() {}

    @inlinable public var count: Int { commands.count }
    public var isEmpty: Bool { commands.isEmpty }

    @inlinable
    public subscript(index: Int) -> Arguments {
        Arguments(
            bytes: bytes, places: places, first: Int(commands[index].first), count: Int(commands[index].count))
    }

    /// Makes a view of this batch one of another of its commands: of many, no view is retained for each.
    public func move(_ arguments: inout Arguments, to index: Int) {
        let command = commands[index]
        arguments.first = Int(command.first)
        arguments.wordCount = Int(command.count)
    }

    /// Forgets all commands, but not the memory they took.
    public mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        places.removeAll(keepingCapacity: true)
        commands.removeAll(keepingCapacity: true)
    }

    // MARK: Adding

    /// Adds a word to the command that `endCommand` closes.
    @inline(__always)
    public mutating func append(_ word: RawSpan) {
        places.appendWord(byteCount: word.byteCount, startingIn: &bytes)
        bytes.append(copying: word)
    }

    /// Adds a command: its words, where they stand in `source`.
    public mutating func append(_ words: [ArgumentPlace], of source: RawSpan) {
        var total = 0
        for word in words { total += Varint.length(of: UInt64(word.count)) + Int(word.count) }
        var place = bytes.count
        let first = UInt32(places.count)
        bytes.append(addingCapacity: total) { output in
            for word in words {
                Varint.append(UInt64(word.count), to: &output)
                output.append(copying: source.extracting(Int(word.begin)..<Int(word.begin + word.count)))
            }
        }
        places.append(addingCapacity: words.count) { output in
            for word in words {
                place += Varint.length(of: UInt64(word.count))
                output.append(ArgumentPlace(begin: UInt32(place), count: word.count))
                place += Int(word.count)
            }
        }
        commands.append(Command(first: first, count: UInt32(words.count)))
    }

    /// Makes a command of the words that were added since the last one.
    @inline(__always)
    public mutating func endCommand() {
        let first = commands.last.map { $0.first + $0.count } ?? 0
        commands.append(Command(first: first, count: UInt32(places.count) - first))
    }

    public mutating func append(_ words: [[UInt8]]) {
        for word in words { append(word.span.bytes) }
        endCommand()
    }

    /// Adds a copy of a command.
    public mutating func append(_ arguments: Arguments) {
        for index in 0..<arguments.count {
            let range = arguments.range(index)
            append(arguments.bytes.span.bytes.extracting(range))
        }
        endCommand()
    }

    // MARK: As records

    /// Adds a command as a record holds it: the count of its words, a varint, and its packed words.
    public static func encode(_ arguments: Arguments, into bytes: inout [UInt8]) {
        Varint.append(UInt64(arguments.count), to: &bytes)
        let range = arguments.packedRange(from: 0)
        bytes.append(copying: arguments.bytes.span.bytes.extracting(range))
    }

    /// Adds the command at `offset`, which then moves behind it; `false` where none stands there.
    public mutating func decode(_ record: RawSpan, at offset: inout Int) -> Bool {
        let (oldBytes, oldPlaces) = (bytes.count, places.count)
        if decodeWords(record, at: &offset) { return true }
        bytes.removeSubrange(oldBytes...)
        places.removeSubrange(oldPlaces...)
        return false
    }

    private mutating func decodeWords(_ record: RawSpan, at offset: inout Int) -> Bool {
        guard let count = Varint.read(record, at: &offset), count > 0, count <= UInt64(record.byteCount) else {
            return false
        }
        for _ in 0..<count {
            guard let length = Varint.read(record, at: &offset), length <= UInt64(record.byteCount - offset) else {
                return false
            }
            append(record.extracting(offset..<offset + Int(length)))
            offset += Int(length)
        }
        endCommand()
        return true
    }
}
