// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec

/// What happened to a key, for subscribers.
public struct KeyEvent: Hashable, Sendable {
    /// The letters of `notify-keyspace-events`.
    public struct Kinds: OptionSet, Hashable, Sendable {
        public let rawValue: UInt16

        public init(rawValue: UInt16) {
            self.rawValue = rawValue
        }

        public static let keyspace = Kinds(rawValue: 1 << 0)
        public static let keyevent = Kinds(rawValue: 1 << 1)
        public static let generic = Kinds(rawValue: 1 << 2)
        public static let string = Kinds(rawValue: 1 << 3)
        public static let list = Kinds(rawValue: 1 << 4)
        public static let set = Kinds(rawValue: 1 << 5)
        public static let hash = Kinds(rawValue: 1 << 6)
        public static let sortedSet = Kinds(rawValue: 1 << 7)
        public static let expired = Kinds(rawValue: 1 << 8)
        public static let evicted = Kinds(rawValue: 1 << 9)
        public static let stream = Kinds(rawValue: 1 << 10)
        public static let miss = Kinds(rawValue: 1 << 11)
        public static let new = Kinds(rawValue: 1 << 12)

        public static let all: Kinds = [
            .generic, .string, .list, .set, .hash, .sortedSet, .expired, .evicted, .stream,
        ]

        private static let letters: [(UInt8, Kinds)] = [
            (UInt8(ascii: "g"), .generic), (UInt8(ascii: "$"), .string), (UInt8(ascii: "l"), .list),
            (UInt8(ascii: "s"), .set), (UInt8(ascii: "h"), .hash), (UInt8(ascii: "z"), .sortedSet),
            (UInt8(ascii: "x"), .expired), (UInt8(ascii: "e"), .evicted), (UInt8(ascii: "t"), .stream),
        ]
        private static let others: [(UInt8, Kinds)] = [
            (UInt8(ascii: "K"), .keyspace), (UInt8(ascii: "E"), .keyevent), (UInt8(ascii: "m"), .miss),
            (UInt8(ascii: "n"), .new),
        ]

        /// - Returns: `nil` where a letter has no meaning.
        public init?(text: String) {
            var kinds: Kinds = []
            for letter in text.utf8 {
                if letter == UInt8(ascii: "A") {
                    kinds.formUnion(.all)
                } else if let kind = (Self.letters + Self.others).first(where: { $0.0 == letter })?.1 {
                    kinds.formUnion(kind)
                } else {
                    return nil
                }
            }
            self = kinds
        }

        public var text: String {
            var bytes = contains(.all) ? [UInt8(ascii: "A")] : Self.letters.filter { contains($0.1) }.map(\.0)
            bytes += Self.others.filter { contains($0.1) }.map(\.0)
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    public var kind: Kinds
    public var name: String
    public var key: [UInt8]
    public var database: Int
}

extension Keyspace {
    @inline(__always)
    mutating func notify(_ kind: KeyEvent.Kinds, _ event: StaticString, _ key: [UInt8], _ database: Int) {
        if isNotifying {
            events.append(KeyEvent(kind: kind, name: "\(event)", key: key, database: database))
        }
    }

    @inline(__always)
    mutating func notify(_ kind: KeyEvent.Kinds, _ event: StaticString, _ call: Call, _ index: Int = 1) {
        if isNotifying { notify(kind, event, call.arguments.array(index), call.database) }
    }
}
