// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// Where a word of a command stands in its buffer.
package struct ArgumentPlace: Hashable, Sendable {
    @usableFromInline package var begin: UInt32
    @usableFromInline package var count: UInt32

    init(begin: UInt32, count: UInt32) {
        self.begin = begin
        self.count = count
    }
}

/// The words of one command, where they stand: a view that shares its buffer with others.
///
/// Packed, each word is its length, a varint, and its bytes. Words that follow one another lie without gaps, so that
/// names and values of an entry are one piece of the buffer, in the form in which a stream takes them.
package struct Arguments: Sendable {
    package let bytes: [UInt8]
    @usableFromInline let places: [ArgumentPlace]
    @usableFromInline var first: Int
    /// Words, the command's name included.
    package internal(set) var count: Int

    // Inlined into other modules, as what reads words is: a view that doesn't leave its function isn't retained then.
    @inlinable
    init(bytes: [UInt8], places: [ArgumentPlace], first: Int, count: Int) {
        self.bytes = bytes
        self.places = places
        self.first = first
        self.count = count
    }

    /// A command of its own, from its words.
    package init(_ words: [[UInt8]]) {
        var batch = CommandBatch()
        batch.append(words)
        self = batch[0]
    }

    package init(_ words: String...) {
        self.init(words.map { Array($0.utf8) })
    }

    /// The bytes of a word in `bytes`.
    @inlinable
    @inline(__always)
    package func range(_ index: Int) -> Range<Int> {
        precondition(index < count, "word \(index) of \(count)")
        let place = places[first + index]
        return Int(place.begin)..<Int(place.begin) + Int(place.count)
    }

    /// A word where it stands.
    package subscript(index: Int) -> ArraySlice<UInt8> { bytes[range(index)] }

    /// A copy of a word.
    package func array(_ index: Int) -> [UInt8] {
        let range = range(index)
        return Array(copying: bytes.span.bytes.extracting(range))
    }

    package func text(_ index: Int) -> String { String(decoding: self[index], as: UTF8.self) }

    @inlinable
    @inline(__always)
    package func byteCount(_ index: Int) -> Int { range(index).count }

    /// The only byte of a word; `nil` where it has none or more.
    @inlinable
    @inline(__always)
    package func byte(_ index: Int) -> UInt8? {
        let range = range(index)
        return range.count == 1 ? bytes[range.lowerBound] : nil
    }

    /// The number that a word says; `nil` where it says none. See `Decimal.integer`.
    package func integer(_ index: Int) -> Int64? {
        let range = range(index)
        return Decimal.integer(bytes.span.bytes.extracting(range))
    }

    /// Whether a word is this one, in letters of whatever case.
    ///
    /// - Parameter word: in capital letters.
    @inlinable
    @inline(__always)
    package func matches(_ index: Int, _ word: StaticString) -> Bool {
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
    package func packedRange(from index: Int) -> Range<Int> {
        guard index < count else { return 0..<0 }
        let begin = range(index)
        return begin.lowerBound - Varint.length(of: UInt64(begin.count))..<range(count - 1).upperBound
    }

    /// The command behind the words in front of it, as of a container's.
    package func dropping(_ words: Int) -> Arguments {
        precondition(words <= count, "\(words) of \(count)")
        return Arguments(bytes: bytes, places: places, first: first + words, count: count - words)
    }
}

/// Commands one behind the other in one buffer: what a read of a connection brought, or what a log record holds.
package struct CommandBatch: Sendable {
    @usableFromInline
    struct Command: Sendable {
        @usableFromInline var first: UInt32
        @usableFromInline var count: UInt32
    }

    /// Packed words: see `Arguments`.
    package private(set) var bytes: [UInt8] = []
    @usableFromInline private(set) var places: [ArgumentPlace] = []
    @usableFromInline private(set) var commands: [Command] = []

    package init() {}

    @inlinable package var count: Int { commands.count }
    package var isEmpty: Bool { commands.isEmpty }

    @inlinable
    package subscript(index: Int) -> Arguments {
        Arguments(
            bytes: bytes, places: places, first: Int(commands[index].first), count: Int(commands[index].count))
    }

    /// Makes a view of this batch one of another of its commands: of many, no view is retained for each.
    package func move(_ arguments: inout Arguments, to index: Int) {
        let command = commands[index]
        arguments.first = Int(command.first)
        arguments.count = Int(command.count)
    }

    /// Forgets all commands, but not the memory they took.
    package mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        places.removeAll(keepingCapacity: true)
        commands.removeAll(keepingCapacity: true)
    }

    // MARK: Adding

    /// Adds a word to the command that `endCommand` closes.
    @inline(__always)
    package mutating func append(_ word: RawSpan) {
        Varint.append(UInt64(word.byteCount), to: &bytes)
        places.append(ArgumentPlace(begin: UInt32(bytes.count), count: UInt32(word.byteCount)))
        bytes.append(copying: word)
    }

    /// Makes a command of the words that were added since the last one.
    @inline(__always)
    package mutating func endCommand() {
        let first = commands.last.map { $0.first + $0.count } ?? 0
        commands.append(Command(first: first, count: UInt32(places.count) - first))
    }

    package mutating func append(_ words: [[UInt8]]) {
        for word in words { append(word.span.bytes) }
        endCommand()
    }

    /// Adds a copy of a command.
    package mutating func append(_ arguments: Arguments) {
        for index in 0..<arguments.count {
            let range = arguments.range(index)
            append(arguments.bytes.span.bytes.extracting(range))
        }
        endCommand()
    }

    // MARK: As records

    /// Adds a command as a record holds it: the count of its words, a varint, and its packed words.
    package static func encode(_ arguments: Arguments, into bytes: inout [UInt8]) {
        Varint.append(UInt64(arguments.count), to: &bytes)
        let range = arguments.packedRange(from: 0)
        bytes.append(copying: arguments.bytes.span.bytes.extracting(range))
    }

    /// Adds the command at `offset`, which then moves behind it; `false` where none stands there.
    package mutating func decode(_ record: RawSpan, at offset: inout Int) -> Bool {
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
