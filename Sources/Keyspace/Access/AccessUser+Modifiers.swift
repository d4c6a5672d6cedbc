// SPDX-License-Identifier: Apache-2.0

/// Why ACL SETUSER doesn't take a modifier. Source: Redis.
enum ModifierError: Error, Hashable, Sendable {
    case tooMany
    case syntax, unknownCommand, firstArgument, badHash, noSuchPassword, keysAreAll, channelsAreAll

    var text: String {
        switch self {
        case .tooMany: "Too many rules"
        case .syntax: "Syntax error"
        case .unknownCommand: "Unknown command or category name in ACL"
        case .firstArgument: "Allowing first-arg of a subcommand is not supported"
        case .badHash:
            "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
        case .noSuchPassword: "The password you are trying to remove from the user does not exist"
        case .keysAreAll:
            "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. "
                + "Try 'resetkeys' to start with an empty list of patterns"
        case .channelsAreAll:
            "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any "
                + "effect. Try 'resetchannels' to start with an empty list of channels"
        }
    }
}

extension AccessUser {
    /// - Parameter modifier: a word of ACL SETUSER; a selector is one word, its parentheses included.
    mutating func apply(_ modifier: ArraySlice<UInt8>) throws(ModifierError) {
        let rest = Array(modifier.dropFirst())
        switch modifier.first {
        case UInt8(ascii: ">"):
            addPassword(SHA256.hexadecimal(rest[...]))
            return
        case UInt8(ascii: "<"): return try removePassword(SHA256.hexadecimal(rest[...]))
        case UInt8(ascii: "#"):
            guard Self.isDigest(rest) else { throw .badHash }
            addPassword(rest)
            return
        case UInt8(ascii: "!"):
            guard Self.isDigest(rest) else { throw .badHash }
            return try removePassword(rest)
        case UInt8(ascii: "("):
            guard modifier.last == UInt8(ascii: ")") else { throw .syntax }
            selectors.append(try AccessRules(words: rest.dropLast()))
            return
        default: break
        }
        switch String(decoding: modifier, as: UTF8.self).lowercased() {
        case "on": isOn = true
        case "off": isOn = false
        case "nopass": (needsNoPassword, passwords) = (true, [])
        case "resetpass": (needsNoPassword, passwords) = (false, [])
        case "sanitize-payload": sanitizing = true
        case "skip-sanitize-payload": sanitizing = false
        case "clearselectors": selectors = []
        case "reset":
            self = AccessUser(name: name)
            sanitizing = true
        default: try root.apply(modifier)
        }
    }

    private static func isDigest(_ text: [UInt8]) -> Bool {
        text.count == 64
            && text.allSatisfy {
                UInt8(ascii: "0") <= $0 && $0 <= UInt8(ascii: "9") || UInt8(ascii: "a") <= $0 && $0 <= UInt8(ascii: "f")
            }
    }

    private mutating func addPassword(_ digest: [UInt8]) {
        needsNoPassword = false
        if !passwords.contains(digest) { passwords.append(digest) }
    }

    private mutating func removePassword(_ digest: [UInt8]) throws(ModifierError) {
        guard let place = passwords.firstIndex(of: digest) else { throw .noSuchPassword }
        passwords.remove(at: place)
    }
}

extension AccessRules {
    /// - Parameter words: with blanks between them.
    init(words: ArraySlice<UInt8>) throws(ModifierError) {
        self.init()
        let words = words.split(separator: UInt8(ascii: " "))
        if words.count > AccessUser.maximumItems { throw .tooMany }
        for word in words { try apply(word) }
    }

    mutating func apply(_ modifier: ArraySlice<UInt8>) throws(ModifierError) {
        switch String(decoding: modifier, as: UTF8.self).lowercased() {
        case "allkeys", "~*": return allowAllKeys()
        case "resetkeys": return resetKeys()
        case "allchannels", "&*": return allowAllChannels()
        case "resetchannels": return resetChannels()
        case "allcommands": return setAllCommands(true)
        case "nocommands": return setAllCommands(false)
        default: break
        }
        let rest = modifier.dropFirst()
        switch modifier.first {
        case UInt8(ascii: "~"): try addKeys(rest, .both)
        case UInt8(ascii: "%"): try addKeysWithUse(rest)
        case UInt8(ascii: "&"):
            if allowsChannels { throw .channelsAreAll }
            add(channel: try Self.pattern(rest))
        case UInt8(ascii: "+"): try set(rest, true)
        case UInt8(ascii: "-"): try set(rest, false)
        default: throw .syntax
        }
    }

    private mutating func set(_ name: ArraySlice<UInt8>, _ isAllowed: Bool) throws(ModifierError) {
        let text = String(decoding: name, as: UTF8.self)
        // Nothing but what is allowed can be narrowed to a first argument.
        if isAllowed, let bar = name.lastIndex(of: UInt8(ascii: "|")) {
            let command = String(decoding: name[..<bar], as: UTF8.self).lowercased()
            let narrowing = Self.narrowing(of: command)
            switch narrowing {
            case .unknown: throw .unknownCommand
            case .nothing: throw .firstArgument
            case .subcommand, .firstArgument:
                let word = name[(bar + 1)...]
                if word.isEmpty { throw .syntax }
                if case .subcommand = narrowing { break }
                return allow(command, firstArgument: try Self.smallLetters(word))
            }
        }
        guard setCommand(text, isAllowed) else { throw .unknownCommand }
    }

    /// Blanks divide words in texts.
    private static func smallLetters(_ word: ArraySlice<UInt8>) throws(ModifierError) -> String {
        if word.contains(where: { $0 == 0 || AccessList.isBlank($0) }) { throw .syntax }
        let letters = word.map { $0 &- UInt8(ascii: "A") < 26 ? $0 | 0x20 : $0 }
        guard let text = String(validating: letters, as: UTF8.self) else { throw .syntax }
        return text
    }

    private mutating func addKeysWithUse(_ text: ArraySlice<UInt8>) throws(ModifierError) {
        var use: KeyUse = []
        var rest = text
        while let letter = rest.first, letter != UInt8(ascii: "~") {
            switch letter | 0x20 {
            case UInt8(ascii: "r"): use.insert(.reads)
            case UInt8(ascii: "w"): use.insert(.writes)
            default: throw .syntax
            }
            rest = rest.dropFirst()
        }
        if use.isEmpty { throw .syntax }
        try addKeys(rest.dropFirst(), use)
    }

    private mutating func addKeys(_ pattern: ArraySlice<UInt8>, _ use: KeyUse) throws(ModifierError) {
        if allowsKeys { throw .keysAreAll }
        add(KeyPattern(use: use, pattern: try Self.pattern(pattern)))
    }

    /// Blanks divide patterns in texts.
    private static func pattern(_ text: ArraySlice<UInt8>) throws(ModifierError) -> [UInt8] {
        if text.contains(where: { $0 == 0 || AccessList.isBlank($0) }) { throw .syntax }
        return Array(text)
    }
}
