// SPDX-License-Identifier: Apache-2.0

/// Evenly spread bits out of numbers and names: the same in every process, so that clients agree.
package enum SelectionBits {
    /// The finisher of SplitMix64.
    package static func mixed(_ value: UInt64) -> UInt64 {
        var bits = value
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }

    /// The bits of draw number `number` from a seed.
    package static func drawn(seed: UInt64, _ number: UInt64) -> UInt64 {
        self.mixed(seed &+ number &* 0x9E37_79B9_7F4A_7C15)
    }

    /// The bits of a name: FNV-1a over its UTF-8, then mixed. Source: RFC 9923.
    package static func hash(_ text: String) -> UInt64 {
        var bits: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { bits = (bits ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return self.mixed(bits)
    }

    /// A position below `count`, at least 1, out of bits.
    package static func position(_ bits: UInt64, below count: Int) -> Int {
        Int(bits.multipliedFullWidth(by: UInt64(count)).high)
    }
}
