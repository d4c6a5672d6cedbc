// SPDX-License-Identifier: Apache-2.0

/// Someone who uses the server, and what they may do.
struct AccessUser: Hashable, Sendable {
    /// Rules, patterns, passwords and selectors of one user, so that a user's record stays short.
    static let maximumItems = 4096
    /// Bytes of them all, likewise.
    static let maximumBytes = 16 << 10

    let name: [UInt8]
    var isOn = false
    var needsNoPassword = false
    /// What was said about examining dumps: all are.
    var sanitizing: Bool?
    /// Digests in hexadecimal digits, in the order in which they came.
    var passwords: [[UInt8]] = []
    var root = AccessRules()
    /// What is allowed beside.
    var selectors: [AccessRules] = []

    init(name: [UInt8]) {
        self.name = name
    }

    static let defaultName = Array("default".utf8)

    /// The user that everybody is at first.
    static let initialDefault: AccessUser = {
        var user = AccessUser(name: defaultName)
        (user.isOn, user.needsNoPassword, user.root) = (true, true, .all)
        return user
    }()

    var isUnrestricted: Bool { root.isUnrestricted }

    /// To be called behind the last of several modifiers.
    mutating func settle() {
        root.settle()
        for place in selectors.indices { selectors[place].settle() }
    }

    var isWithinLimits: Bool {
        let items = passwords.count + selectors.reduce(root.itemCount) { $0 + 1 + $1.itemCount }
        return items <= Self.maximumItems && text.count <= Self.maximumBytes
    }

    /// Whether this is one of the passwords. Takes as long for any password.
    func hasPassword(_ password: [UInt8]) -> Bool {
        let digest = SHA256.hexadecimal(password[...])
        return passwords.reduce(false) { found, known in
            let isSame = zip(known, digest).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
            return isSame || found
        }
    }

    /// In the order of ACL GETUSER.
    var flags: [String] {
        var flags = [isOn ? "on" : "off"]
        if needsNoPassword { flags.append("nopass") }
        if let sanitizing { flags.append(sanitizing ? "sanitize-payload" : "skip-sanitize-payload") }
        return flags
    }

    /// The modifiers that make this user of a new one, as ACL LIST shows them.
    var text: [UInt8] {
        var parts: [[UInt8]] = flags.map { Array($0.utf8) }
        parts += passwords.map { [UInt8(ascii: "#")] + $0 }
        parts.append(root.text)
        parts += selectors.map { [UInt8(ascii: "(")] + $0.text + [UInt8(ascii: ")")] }
        return Array(parts.joined(separator: [UInt8(ascii: " ")]))
    }
}
