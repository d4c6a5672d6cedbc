// SPDX-License-Identifier: Apache-2.0

/// What one request may take. A request above them is a protocol error, which ends its connection.
public struct RESPLimits: Hashable, Sendable {
    /// Bytes of a request, framing included. A request becomes one log record, and those end here.
    public var requestBytes = 16 << 20
    /// Words of a request. Each costs eight bytes beside its content.
    public var words = 1 << 20
    /// Bytes of a line: of a request in one line, or of a number in front of a text.
    /// Source: Redis, whose lines end at 64 KiB.
    public var lineBytes = 64 << 10

    /// Of those who haven't said who they are.
    /// Source: Redis, so that strangers can't make a server hold much.
    public static let strangerWords = 10
    public static let strangerWordBytes = 16 << 10

    public init() {}
}

/// Why a connection's bytes are no requests. Whoever reads them answers with the text and closes.
public enum RESPProtocolError: Error, Hashable, Sendable {
    case invalidWordCount
    case wordCountTooLong
    case strangerWordCount
    case invalidWordLength
    case wordLengthTooLong
    case strangerWordLength
    /// A word began with this byte instead of a dollar sign.
    case expectedWord(UInt8)
    case lineTooLong
    case unbalancedQuotes

    /// What Redis's clients know, behind `-ERR `.
    public var message: String {
        switch self {
        case .invalidWordCount: "Protocol error: invalid multibulk length"
        case .wordCountTooLong: "Protocol error: too big mbulk count string"
        case .strangerWordCount: "Protocol error: unauthenticated multibulk length"
        case .invalidWordLength: "Protocol error: invalid bulk length"
        case .wordLengthTooLong: "Protocol error: too big bulk count string"
        case .strangerWordLength: "Protocol error: unauthenticated bulk length"
        case .expectedWord(let byte): "Protocol error: expected '$', got '\(Character(Unicode.Scalar(byte)))'"
        case .lineTooLong: "Protocol error: too big inline request"
        case .unbalancedQuotes: "Protocol error: unbalanced quotes in request"
        }
    }
}
