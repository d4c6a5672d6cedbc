// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletKeyValue
import Testing

@Suite struct EntryTests {
    @Test func layout() throws {
        var store = AuthStore()
        try store.run(.userAdd(name: "ab", hash: StandardBase64.encode([1, 2]), options: nil))
        #expect(store.value(of: .user("ab")) == [0x0A, 2, 97, 98, 0x12, 2, 1, 2, 0x22, 0])
        try store.run(.userAdd(name: "n", hash: "", options: .init(noPassword: true)))
        #expect(store.value(of: .user("n")) == [0x0A, 1, 110, 0x22, 2, 0x08, 1])
        try store.run(.roleAdd(name: "r"))
        #expect(store.value(of: .role("r")) == [0x0A, 1, 114])
        try store.run(.roleGrantPermission(name: "r", permission: .init(.read, key: [5])))
        try store.run(.roleGrantPermission(name: "r", permission: .init(.readWrite, key: [6], rangeEnd: [7])))
        try store.run(.userGrantRole(user: "ab", role: "r"))
        #expect(
            store.value(of: .role("r"))
                == [0x0A, 1, 114, 0x12, 3, 0x12, 1, 5, 0x12, 8, 0x08, 2, 0x12, 1, 6, 0x1A, 1, 7])
        #expect(store.value(of: .user("ab")) == [0x0A, 2, 97, 98, 0x12, 2, 1, 2, 0x1A, 1, 114, 0x22, 0])
        #expect(store.value(of: .enabled) == [0])
        #expect(store.value(of: .revision) == [0, 0, 0, 0, 0, 0, 0, 7])
        #expect(store.value(of: .user("x")) == nil)
        #expect(store.entries.map(\.key) == [.enabled, .revision, .role("r"), .user("ab"), .user("n")])
    }

    @Test func keysOfEtcdsBuckets() {
        #expect(AuthEntryKey.Bucket.allCases.map(\.rawValue) == ["auth", "authRoles", "authUsers"])
        #expect(AuthEntryKey.enabled.bytes == bytes("authEnabled"))
        #expect(AuthEntryKey(bucket: .settings, bytes: bytes("authRevision")) == .revision)
        #expect(AuthEntryKey(bucket: .settings, bytes: bytes("other")) == nil)
        #expect(AuthEntryKey(bucket: .users, bytes: bytes("u")) == .user("u"))
        #expect(AuthEntryKey(bucket: .roles, bytes: bytes("u"))?.bucket == .roles)
    }

    @Test func aRestoredStoreIsTheSame() throws {
        let store = try AuthStore.populated()
        var entries = store.entries
        let restored = try AuthStore(restoring: entries)
        #expect(restored == store)
        entries.reverse()
        #expect(try AuthStore(restoring: entries) == store)
        #expect(try AuthStore(restoring: []) == AuthStore())
    }

    /// A foreign snapshot says what it likes; behind its revision users must still be able to change.
    @Test func aRevisionNearTheEndIsRefused() throws {
        let last = AuthEntry(.revision, value: [0x3F] + [UInt8](repeating: 0xFF, count: 7))
        var store = try AuthStore(restoring: [last])
        #expect(store.revision == AuthStore.maximumRevision - 1)
        try store.run(.roleAdd(name: "r"))
        #expect(store.revision == AuthStore.maximumRevision)
        for first in [UInt8(0x40), 0xFF] {
            let entry = AuthEntry(.revision, value: [first] + [UInt8](repeating: 0xFF, count: 7))
            #expect(throws: AuthEntryError.self) { try AuthStore(restoring: [entry]) }
        }
    }

    @Test func olderUsersHaveNoOptions() throws {
        let user = AuthEntry(.user("u"), value: [0x0A, 1, 117, 0x12, 1, 9])
        let store = try AuthStore(restoring: [user])
        #expect(store.user("u")?.options == nil)
        #expect(store.entries.contains(user))
    }

    @Test func whatAllowsNothingIsKept() throws {
        // Permissions of a kind and a range that nobody could grant today.
        let role = AuthEntry(.role("r"), value: [0x0A, 1, 114, 0x12, 3, 0x1A, 1, 0, 0x12, 5, 0x08, 9, 0x12, 1, 5])
        let user = AuthEntry(.user("u"), value: [0x0A, 1, 117, 0x1A, 1, 114])
        let root = AuthEntry(.user("root"), value: bytes("\u{0A}\u{04}root\u{1A}\u{04}root"))
        let store = try AuthStore(restoring: [user, role, root, .init(.enabled, value: [1])])
        #expect(store.entries.contains(role))
        #expect(throws: AuthError.permissionDenied) {
            try store.authorize(KeyAccessProbe(.read(.key([5]))), as: store.identity("u"))
        }
        #expect(throws: Never.self) {
            try store.authorize(KeyAccessProbe(.read(.key([5]))), as: store.identity("root"))
        }
    }

    @Test func unknownFieldsAreSkippedAndDamageIsNamed() throws {
        let good: [UInt8] = [0x0A, 1, 117]
        let more = good + [0x78, 1, 0x7D, 1, 2, 3, 4, 0x79, 1, 2, 3, 4, 5, 6, 7, 8]
        #expect(try AuthStore(restoring: [.init(.user("u"), value: more)]).user("u") != nil)
        for damaged: [UInt8] in [
            [0x0A, 2, 117], [0x0A], [0], [0x0B], [0x0A, 1, 118], good + [0x22, 1, 0x0A], [0xFF],
        ] {
            let entry = AuthEntry(.user("u"), value: damaged)
            let expected = AuthEntryError(key: .user("u"), reason: "not a user of this name")
            #expect(throws: expected) { try AuthStore(restoring: [entry]) }
        }
        #expect(throws: AuthEntryError.self) { try AuthStore(restoring: [.init(.revision, value: [1])]) }
        #expect(throws: AuthEntryError.self) { try AuthStore(restoring: [.init(.role("r"), value: [0x12, 1, 0])]) }
    }

    /// Writing what each request says it changed keeps a stored image equal to the state.
    @Test func changesNameWhatIsToBeStored() throws {
        var random = SeededRandom(seed: testSeed())
        var store = AuthStore()
        var stored: [AuthEntryKey: [UInt8]] = [:]
        for entry in store.entries { stored[entry.key] = entry.value }
        let names: [AuthName] = ["root", "a", "b", "c"]
        var applied = 0
        for _ in 0..<4000 {
            let request = anyRequest(names: names, using: &random)
            guard let outcome = try? store.run(request, as: store.identity("root")) else { continue }
            applied += 1
            #expect(Set(outcome.changes).count == outcome.changes.count)
            for key in outcome.changes { stored[key] = store.value(of: key) }
        }
        #expect(applied > 500)
        let image = stored.map { AuthEntry($0.key, value: $0.value) }
        #expect(Set(image) == Set(store.entries))
        #expect(try AuthStore(restoring: image) == store)
    }

    private func anyRequest(names: [AuthName], using random: inout SeededRandom) -> AuthRequest {
        let user = names.randomElement(using: &random)!
        let role = names.randomElement(using: &random)!
        let key = [UInt8.random(in: 1...4, using: &random)]
        let end = Bool.random(using: &random) ? [] : [UInt8.random(in: 0...6, using: &random)]
        return switch Int.random(in: 0..<12, using: &random) {
        case 0: .enable
        case 1: .disable
        case 2: .userAdd(name: user, hash: anyHash, options: nil)
        case 3: .userDelete(name: user)
        case 4: .userChangePassword(name: user, hash: StandardBase64.encode(key))
        case 5, 6: .userGrantRole(user: user, role: role)
        case 7: .userRevokeRole(name: user, role: role)
        case 8: .roleAdd(name: role)
        case 9: .roleDelete(role: role)
        case 10: .roleRevokePermission(role: role, key: key, rangeEnd: end)
        default: .roleGrantPermission(name: role, permission: .init(.readWrite, key: key, rangeEnd: end))
        }
    }

    @Test func base64() {
        let cases: [(String, String)] = [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ]
        for (plain, encoded) in cases {
            #expect(StandardBase64.encode(bytes(plain)) == encoded)
            #expect(StandardBase64.decode(encoded) == bytes(plain))
        }
        #expect(StandardBase64.encode([0xFB, 0xFF, 0xFE]) == "+//+")
        #expect(StandardBase64.decode("Zm9v\r\nYmFy") == bytes("foobar"))
        for bad in ["Z", "Zg", "Zg=", "Zg==Zg==", "Z===", "====", "Zm9-", "Zm 9v", "!!"] {
            #expect(StandardBase64.decode(bad) == nil, "\(bad)")
        }
    }
}

/// One access as a request.
struct KeyAccessProbe: KeyAccessing {
    var access: KeyAccess

    init(_ access: KeyAccess) {
        self.access = access
    }

    func forEachAccess(_ visit: (KeyAccess) throws(AuthError) -> Void) throws(AuthError) {
        try visit(access)
    }
}
