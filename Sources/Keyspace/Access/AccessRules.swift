// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec

/// Commands, keys and channels that belong together: a user has them all, or others beside them (selectors).
struct AccessRules: Hashable, Sendable {
    struct CommandRule: Hashable, Sendable {
        var isAllowed: Bool
        /// A command, a subcommand with a bar, a category behind an at sign, or a command with a bar and a first
        /// argument.
        var name: String
    }

    struct KeyPattern: Hashable, Sendable {
        var use: KeyUse
        var pattern: [UInt8]
    }

    /// Whether all commands are allowed, before the rules.
    private(set) var allowsCommands = false
    /// In order: the last that names a command decides.
    private(set) var commandRules: [CommandRule] = []
    private(set) var allowsKeys = false
    private(set) var keyPatterns: [KeyPattern] = []
    private(set) var allowsChannels = false
    private(set) var channelPatterns: [[UInt8]] = []
    /// Words for ranges of keys that no pattern says: only told, of users who are asked elsewhere.
    private var shownRanges: [[UInt8]] = []
    /// What the rules make of all commands. Asked, never walked.
    private var allowed: Set<String> = []
    /// First arguments, in small letters, with which commands are allowed that aren't otherwise. Asked, never walked.
    private var firstArguments: [String: [String]] = [:]

    static let all: AccessRules = {
        var rules = AccessRules()
        (rules.allowsCommands, rules.allowsKeys, rules.allowsChannels) = (true, true, true)
        rules.settle()
        return rules
    }()

    var isUnrestricted: Bool { allowsCommands && commandRules.isEmpty && allowsKeys && allowsChannels }

    /// Things that a user is told to have; see `AccessUser.maximumItems`.
    var itemCount: Int { commandRules.count + keyPatterns.count + channelPatterns.count }

    // MARK: Asking

    func allows(_ entry: CommandEntry, _ arguments: Arguments) -> Bool {
        if entry.flags.contains(.noAuth) || allowsCommands && commandRules.isEmpty { return true }
        if allowed.contains(entry.name) { return true }
        guard arguments.count > 1, let words = firstArguments[entry.name] else { return false }
        return words.contains { arguments.isSame(1, $0) }
    }

    func allows(key: ArraySlice<UInt8>, _ use: KeyUse) -> Bool {
        allowsKeys || keyPatterns.contains { $0.use.isSuperset(of: use) && Glob.matches($0.pattern[...], key) }
    }

    /// - Parameter isPattern: only the very same pattern is allowed: what others match can't be told.
    func allows(channel: ArraySlice<UInt8>, isPattern: Bool) -> Bool {
        allowsChannels
            || channelPatterns.contains { isPattern ? $0[...] == channel : Glob.matches($0[...], channel) }
    }

    // MARK: Changing

    mutating func setAllCommands(_ isAllowed: Bool) {
        allowsCommands = isAllowed
        commandRules = []
    }

    /// - Returns: `false` where there is no such command or category.
    mutating func setCommand(_ text: String, _ isAllowed: Bool) -> Bool {
        let name = text.lowercased()
        if name == "@all" {
            setAllCommands(isAllowed)
            return true
        }
        guard Self.reach[name] != nil else { return false }
        setRule(name, isAllowed)
        return true
    }

    private mutating func setRule(_ name: String, _ isAllowed: Bool) {
        commandRules.removeAll { $0.name == name || $0.name.hasPrefix(name + "|") }
        commandRules.append(CommandRule(isAllowed: isAllowed, name: name))
    }

    /// What a command with a bar behind it can be narrowed to.
    enum Narrowing {
        /// There is no such command.
        case unknown
        /// It is a subcommand already.
        case nothing
        case subcommand
        case firstArgument
    }

    /// - Parameter command: in small letters.
    static func narrowing(of command: String) -> Narrowing {
        if reach[command] == nil || command.hasPrefix("@") { return .unknown }
        if command.contains("|") { return .nothing }
        return CommandTable.shared.entry(named: command)?.subcommands.isEmpty == true ? .firstArgument : .subcommand
    }

    /// Allows a command with a first argument, both in small letters.
    mutating func allow(_ command: String, firstArgument: String) { setRule(command + "|" + firstArgument, true) }

    /// The commands that a rule of each name is about, subcommands among them. Asked, never walked.
    private static let reach: [String: [String]] = {
        var reach: [String: [String]] = [:]
        for category in CommandCategory.allCases { reach["@" + category.rawValue] = [] }
        for entry in CommandTable.shared.entries {
            reach[entry.name] = [entry.name] + entry.subcommands.map(\.name)
            for subcommand in entry.subcommands { reach[subcommand.name] = [subcommand.name] }
            for one in [entry] + entry.subcommands {
                for category in one.categories { reach["@" + category.rawValue]!.append(one.name) }
            }
        }
        return reach
    }()

    private static let allCommands = Set(
        CommandTable.shared.entries.flatMap { [$0.name] + $0.subcommands.map(\.name) })

    /// Finds out what the rules make of all commands: to be called when the last of them was set.
    mutating func settle() {
        allowed = allowsCommands ? Self.allCommands : []
        firstArguments = [:]
        for rule in commandRules {
            guard let names = Self.reach[rule.name] else {
                let words = rule.name.split(separator: "|", maxSplits: 1, omittingEmptySubsequences: false)
                firstArguments[String(words[0]), default: []].append(String(words[1]))
                continue
            }
            if rule.isAllowed { allowed.formUnion(names) } else { allowed.subtract(names) }
            // Whatever is said of a command as a whole takes the place of what was said of its arguments.
            for name in names { firstArguments[name] = nil }
        }
    }

    mutating func allowAllKeys() { (allowsKeys, keyPatterns) = (true, []) }
    mutating func resetKeys() { (allowsKeys, keyPatterns) = (false, []) }
    mutating func allowAllChannels() { (allowsChannels, channelPatterns) = (true, []) }
    mutating func resetChannels() { (allowsChannels, channelPatterns) = (false, []) }

    mutating func add(_ pattern: KeyPattern) {
        if !keyPatterns.contains(pattern) { keyPatterns.append(pattern) }
    }

    mutating func addShown(range word: [UInt8]) {
        if !shownRanges.contains(word) { shownRanges.append(word) }
    }

    mutating func add(channel pattern: [UInt8]) {
        if !channelPatterns.contains(pattern) { channelPatterns.append(pattern) }
    }

    // MARK: Texts

    var commandText: String {
        ([allowsCommands ? "+@all" : "-@all"] + commandRules.map { ($0.isAllowed ? "+" : "-") + $0.name })
            .joined(separator: " ")
    }

    var keyText: [UInt8] {
        if allowsKeys { return Array("~*".utf8) }
        return Array((keyPatterns.map(Self.text) + shownRanges).joined(separator: [UInt8(ascii: " ")]))
    }

    private static func text(_ pattern: KeyPattern) -> [UInt8] {
        let mark: String
        switch pattern.use {
        case .reads: mark = "%R~"
        case .writes: mark = "%W~"
        default: mark = "~"
        }
        return Array(mark.utf8) + pattern.pattern
    }

    /// - Parameter isWhole: says as well that there are no others.
    func channelText(isWhole: Bool) -> [UInt8] {
        if allowsChannels { return Array("&*".utf8) }
        var words = channelPatterns.map { [UInt8(ascii: "&")] + $0 }
        if isWhole { words.insert(Array("resetchannels".utf8), at: 0) }
        return Array(words.joined(separator: [UInt8(ascii: " ")]))
    }

    /// Rules that make the same of none.
    var text: [UInt8] {
        let parts = [keyText, channelText(isWhole: true), Array(commandText.utf8)].filter { !$0.isEmpty }
        return Array(parts.joined(separator: [UInt8(ascii: " ")]))
    }
}
