// SPDX-License-Identifier: Apache-2.0

private import CMartletCrypt

/// bcrypt through libcrypt, readable by and reading what Go's golang.org/x/crypto/bcrypt writes.
///
///     $2a$10$hIvF7cCSOcJk6Vez90T3pO fsjMPjIA8AcuYddE2G3K7OWOMFte8Xq
///     version, cost, 22 digits salt, 31 digits hash
///
/// A hash takes 2 to the power of the cost rounds: a twentieth of a second at 10. Never on an event loop.
package enum Bcrypt {
    package static let minimumCost = 4
    package static let maximumCost = 31
    /// etcd's `--bcrypt-cost`, unless set.
    package static let defaultCost = 10
    package static let saltLength = 16
    /// What the key schedule takes in. Go hashes no password above it, and compares by the first 72 bytes.
    package static let maximumPasswordLength = 72

    private static let saltDigits = 22
    private static let hashDigits = 31
    private static let digits = Array("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)

    /// The text to store. `salt` has ``saltLength`` random bytes; `cost` lies within its limits.
    package static func hash(
        _ password: [UInt8], cost: Int, salt: [UInt8]
    ) throws(PasswordError) -> [UInt8] {
        precondition(salt.count == saltLength, "a salt of \(salt.count) bytes")
        precondition((minimumCost...maximumCost).contains(cost), "a cost of \(cost)")
        if password.count > maximumPasswordLength { throw .tooLong }
        if password.contains(0) { throw .zeroByte }
        let prefix = twoDigits(cost) + [UInt8(ascii: "$")] + encode(salt)
        guard let hash = run(password, setting: prefix) else { throw .unavailable }
        return Array("$2a$".utf8) + prefix + hash
    }

    /// Whether `hash` is of this password. False for text that is no bcrypt hash.
    ///
    /// The time taken depends on the hash's cost only.
    package static func matches(_ password: [UInt8], hash: [UInt8]) -> Bool {
        guard let parts = parse(hash) else { return false }
        let key = Array(password.prefix(maximumPasswordLength))
        // libcrypt ends a password at a zero byte, Go does not: nobody logs in by the half of a password.
        let usable = key.contains(0) ? [] : key
        guard let found = run(usable, setting: parts.setting), found.count == parts.hash.count else { return false }
        var difference: UInt8 = key.contains(0) ? 1 : 0
        for (left, right) in zip(found, parts.hash) { difference |= left ^ right }
        return difference == 0
    }

    /// The cost of a stored hash; nil for text that is none.
    package static func cost(of hash: [UInt8]) -> Int? { parse(hash)?.cost }

    private struct Parts {
        var cost: Int
        /// Cost, `$` and salt.
        var setting: [UInt8]
        var hash: [UInt8]
    }

    /// Reads `$2$` and `$2`, any letter, `$`, as Go does: the letter names who wrote it, the function is the same.
    private static func parse(_ text: [UInt8]) -> Parts? {
        let dollar = UInt8(ascii: "$")
        guard text.starts(with: [dollar, UInt8(ascii: "2")]) else { return nil }
        var rest = text.dropFirst(2)
        if rest.first != dollar { rest = rest.dropFirst() }
        guard rest.popFirst() == dollar else { return nil }
        guard rest.count >= 3 + saltDigits + hashDigits else { return nil }
        let setting = rest.prefix(3 + saltDigits)
        guard let cost = Int(String(decoding: setting.prefix(2), as: UTF8.self)),
            (minimumCost...maximumCost).contains(cost), setting[setting.startIndex + 2] == dollar,
            setting.dropFirst(3).allSatisfy(digits.contains)
        else { return nil }
        return Parts(cost: cost, setting: Array(setting), hash: Array(rest.dropFirst(3 + saltDigits)))
    }

    private static func twoDigits(_ number: Int) -> [UInt8] {
        [UInt8(ascii: "0") + UInt8(number / 10), UInt8(ascii: "0") + UInt8(number % 10)]
    }

    /// bcrypt's own base64: six bits a digit, no padding.
    private static func encode(_ bytes: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 6 {
                count -= 6
                text.append(digits[Int(bits >> UInt32(count) & 63)])
            }
        }
        if count > 0 { text.append(digits[Int(bits << UInt32(6 - count) & 63)]) }
        return text
    }

    /// The 31 digits of the hash. Nil if libcrypt does not know bcrypt.
    ///
    /// Runs as version `2b`, which is the plain function; libcrypt's `2a` gives other hashes for a few passwords with
    /// bytes above 127, to fend off old hashes of a flawed program.
    private static func run(_ password: [UInt8], setting: [UInt8]) -> [UInt8]? {
        let phrase = password.map { CChar(bitPattern: $0) } + [0]
        let setting = (Array("$2b$".utf8) + setting).map { CChar(bitPattern: $0) } + [0]
        let size = Int(martlet_crypt_data_size)
        return withUnsafeTemporaryAllocation(byteCount: size, alignment: 64) { data in
            // The buffer is as large as libcrypt's own structure, aligned for it, zeroed as it asks, and only used in
            // here; phrase and setting end with a zero. The result points into the buffer and is copied out.
            data.initializeMemory(as: UInt8.self, repeating: 0)
            guard let result = crypt_rn(phrase, setting, data.baseAddress, CInt(size)) else { return nil }
            let text = Array(String(cString: result).utf8)
            // A failure is told by a short text that begins with an asterisk.
            guard text.count == setting.count - 1 + hashDigits else { return nil }
            return text.suffix(hashDigits)
        }
    }
}
