// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics

/// How ACL shows a user of the auth service: as the rules of the list's users that say most of the same.
///
///     one key, all keys that begin so, all keys    %R~key   %W~prefix*   ~*
///     another range, or one with blanks in it      %R[from,to)   %W[from,end)
///
/// The second is no rule of Redis's: no pattern says it. Channels are under the same ranges; what a role reads and
/// writes is shown of them. Passwords are not shown: they are bcrypt's, and `ACL` knows SHA-256 alone.
extension AccessUser {
    init(_ user: AuthUser, in store: AuthStore) {
        self.init(name: user.name.bytes)
        // Whoever has no password logs in by a certificate, which nobody shows here.
        isOn = !user.hasNoPassword
        if user.isRoot {
            root = .all
            return
        }
        for word in ServiceRights.commandWords.utf8.split(separator: UInt8(ascii: " ")) {
            // It is one of ours.
            try? root.apply(Array(word)[...])
        }
        root.settle()
        for role in user.roles {
            for permission in store.role(role)?.permissions ?? [] where permission.isValid {
                root.show(permission)
            }
        }
    }
}

extension AccessRules {
    fileprivate mutating func show(_ permission: AuthPermission) {
        let use: KeyUse
        switch permission.kind {
        case .read: use = .reads
        case .write: use = .writes
        case .readWrite: use = .both
        // Allows nothing.
        default: return
        }
        guard let pattern = Self.pattern(permission) else { return addShown(range: Self.text(permission, use)) }
        add(KeyPattern(use: use, pattern: pattern))
        if use == .both { add(channel: pattern) }
    }

    /// `nil`: no pattern says it, or none that can stand between blanks.
    private static func pattern(_ permission: AuthPermission) -> [UInt8]? {
        let (key, end) = (permission.key, permission.rangeEnd)
        if key.contains(where: { $0 == 0 || AccessList.isBlank($0) }), key != [0] { return nil }
        if end.isEmpty { return key == [0] ? nil : escaped(key) }
        if key == [0] { return end == [0] ? [UInt8(ascii: "*")] : nil }
        guard end == (KeyPrefix.end(of: key) ?? [0]) else { return nil }
        return escaped(key) + [UInt8(ascii: "*")]
    }

    private static func escaped(_ key: [UInt8]) -> [UInt8] {
        key.flatMap { byte -> [UInt8] in "*?[\\".utf8.contains(byte) ? [UInt8(ascii: "\\"), byte] : [byte] }
    }

    private static func text(_ permission: AuthPermission, _ use: KeyUse) -> [UInt8] {
        let letters = (use.contains(.reads) ? "R" : "") + (use.contains(.writes) ? "W" : "")
        func shown(_ key: [UInt8]) -> String {
            AuditRecord.shown(key).replacing(" ", with: "\\x20").replacing(",", with: "\\x2c")
        }
        let end = permission.rangeEnd
        let last = end.isEmpty ? shown(permission.key) + "]" : end == [0] ? "end)" : shown(end) + ")"
        return Array("%\(letters)[\(shown(permission.key)),\(last)".utf8)
    }
}
