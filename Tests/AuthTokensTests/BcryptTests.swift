// SPDX-License-Identifier: Apache-2.0

import MartletAuthTokens
import Testing

@Suite struct BcryptTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func readsWhatEtcdStored() {
        for (password, hash) in Vectors.etcdHashes {
            #expect(Bcrypt.matches(bytes(password), hash: bytes(hash)), "\(password)")
            #expect(!Bcrypt.matches(bytes(password + "x").suffix(72), hash: bytes(hash)) || password.count == 72)
            #expect(!Bcrypt.matches(bytes("x" + password), hash: bytes(hash)))
        }
    }

    /// A stored hash is made again from its own salt.
    @Test func writesWhatEtcdWouldStore() throws {
        // The salt of a known hash, in bytes.
        let salt: [UInt8] = [
            0x10, 0x41, 0x04, 0x10, 0x41, 0x04, 0x10, 0x41, 0x04, 0x10, 0x41, 0x04, 0x10, 0x41, 0x04, 0x10,
        ]
        let hash = try Bcrypt.hash(bytes("U*U"), cost: 5, salt: salt)
        // From the test set of bcrypt's author.
        #expect(String(decoding: hash, as: UTF8.self) == "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW")
    }

    @Test func knownHashes() {
        let vectors: [([UInt8], String)] = [
            (bytes("U*U*"), "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
            (bytes("U*U*U"), "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
            (bytes(""), "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"),
            ([0xA3], "$2a$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq"),
            // libcrypt's own "2a" gives other hashes for these two.
            ([0xFF, 0xFF, 0xA3], "$2a$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e"),
            (
                [0xFF, 0xA3, 0x33, 0x34, 0xFF, 0xFF, 0xFF, 0xA3, 0x33, 0x34, 0x35],
                "$2a$05$/OK.fbVrR/bpIqNJ5ianF.o./n25XVfn6oAPaUvHe.Csk4zRfsYPi"
            ),
        ]
        for (password, hash) in vectors {
            for version in ["2a", "2b", "2y", "2"] {
                let text = "$" + version + hash.dropFirst(3)
                #expect(Bcrypt.matches(password, hash: bytes(text)), "\(text)")
                #expect(!Bcrypt.matches(password + [1], hash: bytes(text)))
            }
        }
    }

    @Test func roundTrip() throws {
        let hasher = try #require(PasswordHasher(cost: 4))
        let first = try hasher.hash(bytes("p\u{E4}ss"))
        let second = try hasher.hash(bytes("p\u{E4}ss"))
        #expect(first != second)
        #expect(first.count == 60)
        #expect(first.starts(with: bytes("$2a$04$")))
        #expect(Bcrypt.cost(of: first) == 4)
        #expect(hasher.matches(bytes("p\u{E4}ss"), hash: first))
        #expect(hasher.matches(bytes("p\u{E4}ss"), hash: second))
        #expect(!hasher.matches(bytes("p\u{E4}st"), hash: first))
    }

    @Test func lengths() throws {
        let hasher = try #require(PasswordHasher(cost: 4))
        let longest = [UInt8](repeating: 7, count: 72)
        let hash = try hasher.hash(longest)
        #expect(hasher.matches(longest, hash: hash))
        #expect(!hasher.matches(Array(longest.dropLast()), hash: hash))
        // What is behind the 72nd byte is not looked at, but not hashed either.
        #expect(hasher.matches(longest + [1, 0, 2], hash: hash))
        #expect(throws: PasswordError.tooLong) { try hasher.hash(longest + [1]) }
        #expect(PasswordError.tooLong.text == "bcrypt: password length exceeds 72 bytes")
    }

    @Test func zeroBytesEndNoPassword() throws {
        let hasher = try #require(PasswordHasher(cost: 4))
        let empty = try hasher.hash([])
        let half = try hasher.hash(bytes("half"))
        #expect(throws: PasswordError.zeroByte) { try hasher.hash([1, 0, 2]) }
        #expect(!hasher.matches([0], hash: empty))
        #expect(!hasher.matches(bytes("half") + [0], hash: half))
        #expect(!hasher.matches(bytes("half") + [0, 1], hash: half))
    }

    @Test func costs() {
        #expect(PasswordHasher()?.cost == 10)
        #expect(PasswordHasher(cost: 3) == nil)
        #expect(PasswordHasher(cost: 32) == nil)
        #expect(PasswordHasher(cost: 31) != nil)
    }

    @Test func whatIsNoHashMatchesNothing() throws {
        let hasher = try #require(PasswordHasher(cost: 4))
        let good = String(decoding: try hasher.hash(bytes("pw")), as: UTF8.self)
        var texts = ["", "pw", "$2a$", "$2a$04$", "*0", "*1", "$6$abc$def", String(good.dropLast()), good + "."]
        texts += ["$1a", "$2ab", "$3a", "_2a"].map { $0 + String(good.dropFirst(3)) }
        texts += ["$2a$4$", "$2a$004$", "$2a$+4$", "$2a$03$", "$2a$32$", "$2a$04$$"].map {
            $0 + String(good.dropFirst(7))
        }
        texts.append("$2a$04$*" + String(good.dropFirst(8)))
        for text in texts {
            #expect(!hasher.matches(bytes("pw"), hash: bytes(text)), "\(text)")
        }
        // Nobody's password, whatever it is.
        for password in ["", "pw"] { #expect(!hasher.matches(bytes(password), hash: nil)) }
    }
}
