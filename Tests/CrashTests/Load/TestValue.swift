// SPDX-License-Identifier: Apache-2.0

/// A value that no other write has: a name, a colon, and as many `x` as make it long.
struct TestValue: Hashable {
    var name: String
    var padding: Int

    var bytes: [UInt8] { Array("\(name):".utf8) + Array(repeating: UInt8(ascii: "x"), count: padding) }

    /// How the checks name it: the number of `x` in place of them, since a history holds many and some are large.
    var text: String { "\(name):\(padding)" }

    /// The text of a value that was read; of one that isn't of this form, all of it.
    static func text(_ bytes: [UInt8]) -> String {
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")),
            bytes[(colon + 1)...].allSatisfy({ $0 == UInt8(ascii: "x") })
        else { return String(decoding: bytes, as: UTF8.self) }
        return "\(String(decoding: bytes[..<colon], as: UTF8.self)):\(bytes.count - colon - 1)"
    }
}
