// SPDX-License-Identifier: Apache-2.0

/// A random source that yields the same numbers for the same seed, in every process and on every platform.
///
/// SplitMix64: a counter that advances by the golden ratio, run through a 64-bit mixing function. Not for secrets.
/// Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators" (2014).
public struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) {
        state = seed
    }

    /// Arithmetic wraps on purpose: the sequence is defined modulo 2^64.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to `count`, which is positive; nearly even for counts far below 2^64.
    public mutating func below(_ count: Int) -> Int {
        Int(next() % UInt64(count))
    }

    /// A source whose numbers do not depend on what is drawn from this one afterwards.
    public mutating func split() -> SeededRandom {
        SeededRandom(seed: next())
    }
}
