// SPDX-License-Identifier: Apache-2.0

internal import MartletRESPCodec

/// A command as it is sent: its name and words, in the protocol's framing already.
public struct RedisCommand: Sendable, CustomStringConvertible {
    /// The first word, as it was given.
    public let name: String
    /// Words, the name included.
    public private(set) var count = 0
    /// Whether it may be sent again after its connection broke, though it may have been carried out already: it changes
    /// nothing, or the same however often it runs.
    public var isRepeatable = false
    /// How long it may take; `nil` is the client's time limit.
    public var timeout: Duration?
    /// How long the server may hold the reply back, by the command's own words; such a command gets a connection of its
    /// own. `.zero` or less is for ever.
    public var blocks: Duration?

    /// Words, each with its length in front.
    private(set) var body: [UInt8] = []

    /// Makes a command.
    ///
    /// - Parameters:
    ///   - name: The command's name, such as `XADD`.
    ///   - words: What follows it: texts, bytes, numbers, stream IDs.
    public init(_ name: String, _ words: any RedisWord...) {
        self.init(name, words: words)
    }

    /// Makes a command.
    public init(_ name: String, words: [any RedisWord]) {
        self.name = name
        append(name)
        for word in words { append(word) }
    }

    /// Adds a word.
    public mutating func append(_ word: some RedisWord) { append(bytes: word.redisBytes) }

    /// Adds words.
    public mutating func append(contentsOf words: some Sequence<some RedisWord>) {
        for word in words { append(word) }
    }

    /// Adds words.
    @_disfavoredOverload
    public mutating func append(contentsOf words: [any RedisWord]) {
        for word in words { append(word) }
    }

    /// Adds a word of these bytes.
    public mutating func append(bytes: some Collection<UInt8>) {
        count += 1
        body.append(UInt8(ascii: "$"))
        Decimal.append(Int64(bytes.count), to: &body)
        body.append(13)
        body.append(10)
        body.append(contentsOf: bytes)
        body.append(13)
        body.append(10)
    }

    /// Bytes as they are sent, about.
    var byteCount: Int { body.count + 16 }

    /// Adds the command as it is sent.
    func write(to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "*"))
        Decimal.append(Int64(count), to: &bytes)
        bytes.append(13)
        bytes.append(10)
        bytes.append(contentsOf: body)
    }

    /// The name and how many words follow: what they say may be nobody's business.
    public var description: String { "\(name) (\(count - 1) words)" }

    /// The same command, marked as one that may be sent again.
    func repeatable() -> RedisCommand {
        var command = self
        command.isRepeatable = true
        return command
    }
}

/// What can be a word of a command.
public protocol RedisWord: Sendable {
    /// The word's bytes.
    var redisBytes: [UInt8] { get }
}

extension String: RedisWord {
    public var redisBytes: [UInt8] { Array(utf8) }
}

extension Substring: RedisWord {
    public var redisBytes: [UInt8] { Array(utf8) }
}

extension Array: RedisWord where Element == UInt8 {
    public var redisBytes: [UInt8] { self }
}

extension ArraySlice: RedisWord where Element == UInt8 {
    public var redisBytes: [UInt8] { Array(self) }
}

extension Int: RedisWord {
    public var redisBytes: [UInt8] { Int64(self).redisBytes }
}

extension Int64: RedisWord {
    public var redisBytes: [UInt8] {
        var digits: [UInt8] = []
        Decimal.append(self, to: &digits)
        return digits
    }
}

extension UInt64: RedisWord {
    public var redisBytes: [UInt8] {
        var digits: [UInt8] = []
        Decimal.append(self, to: &digits)
        return digits
    }
}

extension Double: RedisWord {
    public var redisBytes: [UInt8] { Array(description.utf8) }
}
