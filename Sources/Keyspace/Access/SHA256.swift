// SPDX-License-Identifier: Apache-2.0

/// SHA-256, for passwords of users. Source: FIPS 180-4.
public enum SHA256 {
    /// The first 32 bits of the fractions of the cube roots of the first 64 primes, and of the square roots of the
    /// first eight.
    private static let (constants, initial): ([UInt32], [UInt32]) = {
        var primes: [UInt64] = []
        var candidate: UInt64 = 2
        while primes.count < 64 {
            if !primes.contains(where: { candidate % $0 == 0 }) { primes.append(candidate) }
            candidate += 1
        }
        return (primes.map { fraction($0, power: 3) }, primes.prefix(8).map { fraction($0, power: 2) })
    }()

    /// The greatest number whose power isn't above the prime, in units of 2^-32: its lower 32 bits.
    private static func fraction(_ prime: UInt64, power: Int) -> UInt32 {
        var (low, high): (UInt64, UInt64) = (0, 20 << 32)
        while low + 1 < high {
            let middle = (low + high) / 2
            if isAbove(middle, power: power, prime) { high = middle } else { low = middle }
        }
        return UInt32(truncatingIfNeeded: low)
    }

    /// Whether (root / 2^32)^power > prime.
    private static func isAbove(_ root: UInt64, power: Int, _ prime: UInt64) -> Bool {
        let square = UInt128(root) * UInt128(root)
        if power == 2 { return square > UInt128(prime) << 64 }
        return square * UInt128(root) > UInt128(prime) << 96
    }

    public static func digest(_ message: ArraySlice<UInt8>) -> [UInt8] {
        var padded = Array(message) + [0x80]
        while padded.count % 64 != 56 { padded.append(0) }
        let bits = UInt64(message.count) &* 8
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            padded.append(UInt8(truncatingIfNeeded: bits >> shift))
        }
        var state = initial
        for block in stride(from: 0, to: padded.count, by: 64) { mix(padded[block..<block + 64], into: &state) }
        return state.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(24 - $0 * 8)) } }
    }

    private static func mix(_ block: ArraySlice<UInt8>, into state: inout [UInt32]) {
        func turned(_ word: UInt32, _ count: UInt32) -> UInt32 { word >> count | word << (32 - count) }
        var words = stride(from: block.startIndex, to: block.endIndex, by: 4).map { place in
            block[place..<place + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        }
        for step in 16..<64 {
            let (early, late) = (words[step - 15], words[step - 2])
            let small = turned(early, 7) ^ turned(early, 18) ^ early >> 3
            let large = turned(late, 17) ^ turned(late, 19) ^ late >> 10
            words.append(words[step - 16] &+ small &+ words[step - 7] &+ large)
        }
        var rows = state
        for step in 0..<64 {
            let mixed = turned(rows[4], 6) ^ turned(rows[4], 11) ^ turned(rows[4], 25)
            let choice = rows[4] & rows[5] ^ ~rows[4] & rows[6]
            let first = rows[7] &+ mixed &+ choice &+ constants[step] &+ words[step]
            let other = turned(rows[0], 2) ^ turned(rows[0], 13) ^ turned(rows[0], 22)
            let majority = rows[0] & rows[1] ^ rows[0] & rows[2] ^ rows[1] & rows[2]
            rows.insert(first &+ other &+ majority, at: 0)
            rows.removeLast()
            rows[4] = rows[4] &+ first
        }
        for place in 0..<8 { state[place] = state[place] &+ rows[place] }
    }

    /// The digest as 64 hexadecimal digits, small ones.
    public static func hexadecimal(_ message: ArraySlice<UInt8>) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return digest(message).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    }
}
