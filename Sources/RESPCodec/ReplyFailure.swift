// SPDX-License-Identifier: Apache-2.0

/// An error among replies, for whoever counts them.
public struct ReplyFailure: Hashable, Sendable {
    public let command: Int
    /// Where it began when it was written.
    let offset: Int
    /// Its first word, such as `ERR`.
    public let code: String
    /// Whether the command was turned away before it was carried out.
    public let isRejected: Bool

    /// Of codes; none is longer.
    private static let maximumCodeBytes = 32

    /// The code of an error that begins with its mark.
    public static func code(_ error: ArraySlice<UInt8>) -> String {
        let word = error.dropFirst().prefix(maximumCodeBytes).prefix { $0 > UInt8(ascii: " ") }
        return String(decoding: word, as: UTF8.self)
    }
}
