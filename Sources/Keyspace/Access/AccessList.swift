// SPDX-License-Identifier: Apache-2.0

import MartletBasics
public import MartletRESPCodec

/// All users. A part of the state: every member has the same.
public struct AccessList: Hashable, Sendable {
    /// With `AccessUser.maximumBytes`, so that the list's record stays short: 16 MiB.
    public static let maximumUsers = 1024

    /// In byte order of names. The default user is always there.
    private(set) var users = [AccessUser.initialDefault]
    /// Changes with every change of the list: the keyspace's count of changes at the last one.
    public private(set) var version: UInt64 = 0

    public init() {}

    /// Whether nothing was ever said about users.
    public var isInitial: Bool { version == 0 }

    func user(named name: [UInt8]) -> AccessUser? {
        place(of: name).isFound ? users[place(of: name).index] : nil
    }

    /// Whether the name is one that somebody has made rules for: the default user as it is at first is nobody's.
    public func claims(_ name: [UInt8]) -> Bool { user(named: name).map { $0 != .initialDefault } == true }

    public func hasUser(named name: [UInt8]) -> Bool { place(of: name).isFound }

    /// Whether a user may do anything, so that nobody need ask.
    public func isUnrestricted(_ name: [UInt8]) -> Bool { user(named: name)?.isUnrestricted == true }

    /// Whether connections are the default user's as soon as they are made.
    public var letsStrangersIn: Bool {
        user(named: AccessUser.defaultName).map { $0.isOn && $0.needsNoPassword } == true
    }

    private func place(of name: [UInt8]) -> (index: Int, isFound: Bool) {
        var (low, high) = (0, users.count)
        while low < high {
            let middle = (low + high) / 2
            if users[middle].name.lexicographicallyPrecedes(name) { low = middle + 1 } else { high = middle }
        }
        return (low, low < users.count && users[low].name == name)
    }

    mutating func put(_ user: AccessUser, version: UInt64) {
        let (index, isFound) = place(of: user.name)
        if isFound { users[index] = user } else { users.insert(user, at: index) }
        self.version = version
    }

    /// Whether it was there.
    mutating func remove(_ name: [UInt8], version: UInt64) -> Bool {
        let (index, isFound) = place(of: name)
        guard isFound else { return false }
        users.remove(at: index)
        self.version = version
        return true
    }

    static func isBlank(_ byte: UInt8) -> Bool { byte == 32 || 9...13 ~= byte }

    /// Words of ACL SETUSER behind the name, selectors as one word each.
    static func modifiers(_ arguments: Arguments) throws(CommandError) -> [[UInt8]] {
        var words: [[UInt8]] = []
        var isOpen = false
        for index in 3..<max(arguments.count, 3) {
            let word = arguments.array(index)
            if isOpen { words[words.count - 1] += [UInt8(ascii: " ")] + word } else { words.append(word) }
            isOpen = words[words.count - 1].first == UInt8(ascii: "(") && word.last != UInt8(ascii: ")")
        }
        if isOpen {
            let begin = (3..<arguments.count).last { arguments[$0].first == UInt8(ascii: "(") } ?? 3
            throw .message(
                "ERR Unmatched parenthesis in acl selector starting at '\(arguments.text(begin))'.")
        }
        return words
    }

    /// Why ACL SETUSER is refused before anything keeps it: a selector takes no password, and one that is written there
    /// stands in the error as it was sent.
    static func passwordInSelector(_ arguments: Arguments) -> CommandError? {
        let words: [[UInt8]]
        do throws(CommandError) { words = try modifiers(arguments) } catch { return error }
        let word = words.first { word in
            word.first == UInt8(ascii: "(")
                && word.dropFirst().split(separator: UInt8(ascii: " ")).contains { withoutPassword($0) != Array($0) }
        }
        return word.map { .modifier($0, .syntax) }
    }

    /// The request with digests in the place of passwords, so that none gets into a log.
    public static func withoutPasswords(_ arguments: Arguments) -> Arguments {
        Arguments(
            (0..<arguments.count).map { index in
                let word = arguments.array(index)
                return index > 2 ? withoutPassword(word[...]) : word
            })
    }

    private static func withoutPassword(_ word: ArraySlice<UInt8>) -> [UInt8] {
        switch word.first {
        case UInt8(ascii: ">"): [UInt8(ascii: "#")] + SHA256.hexadecimal(word.dropFirst())
        case UInt8(ascii: "<"): [UInt8(ascii: "!")] + SHA256.hexadecimal(word.dropFirst())
        default: Array(word)
        }
    }

    // MARK: In a checkpoint

    /// Version and count, then for each user the name and the modifiers, texts with their lengths.
    func encode(into bytes: inout [UInt8]) {
        Varint.append(version, to: &bytes)
        Varint.append(UInt64(users.count), to: &bytes)
        for user in users {
            for text in [user.name, user.text] {
                Varint.append(UInt64(text.count), to: &bytes)
                bytes += text
            }
        }
    }

    init?(decoding bytes: RawSpan) {
        var offset = 0
        func text() -> [UInt8]? {
            guard let count = Varint.read(bytes, at: &offset), count <= UInt64(bytes.byteCount - offset) else {
                return nil
            }
            defer { offset += Int(count) }
            return [UInt8](copying: bytes.extracting(offset..<offset + Int(count)))
        }
        guard let version = Varint.read(bytes, at: &offset), let count = Varint.read(bytes, at: &offset),
            count <= UInt64(bytes.byteCount)
        else { return nil }
        users = []
        for _ in 0..<count {
            guard let name = text(), let modifiers = text(),
                users.last.map({ $0.name.lexicographicallyPrecedes(name) }) != false
            else { return nil }
            var user = AccessUser(name: name)
            do throws(ModifierError) {
                for word in Self.words(modifiers) { try user.apply(word[...]) }
            } catch {
                return nil
            }
            user.settle()
            users.append(user)
        }
        self.version = version
        guard offset == bytes.byteCount, hasUser(named: AccessUser.defaultName) else { return nil }
    }

    /// Blanks divide words, but for those in parentheses.
    private static func words(_ text: [UInt8]) -> [[UInt8]] {
        var words: [[UInt8]] = []
        var isOpen = false
        for word in text.split(separator: UInt8(ascii: " ")) {
            if isOpen { words[words.count - 1] += [UInt8(ascii: " ")] + word } else { words.append(Array(word)) }
            isOpen = words[words.count - 1].first == UInt8(ascii: "(") && word.last != UInt8(ascii: ")")
        }
        return words
    }
}
