// SPDX-License-Identifier: Apache-2.0

/// Patterns of names: `*` any bytes, `?` one byte, `[a-c]` and `[^ab]` one of a kind, `\` takes the next byte as it is.
public enum Glob {
    /// Complexity: O(pattern · text): of several stars only the last one met is tried again.
    public static func matches(
        _ pattern: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>, ignoresCase: Bool = false
    ) -> Bool {
        var (place, offset) = (pattern.startIndex, text.startIndex)
        var retry: (place: Int, offset: Int)?
        while offset < text.endIndex || place < pattern.endIndex {
            if place < pattern.endIndex, pattern[place] == UInt8(ascii: "*") {
                retry = (place, offset)
                place += 1
                continue
            }
            if offset < text.endIndex, place < pattern.endIndex,
                let next = one(pattern, place, text[offset], ignoresCase)
            {
                place = next
                offset += 1
                continue
            }
            guard let last = retry, last.offset < text.endIndex else { return false }
            retry = (last.place, last.offset + 1)
            (place, offset) = (last.place + 1, last.offset + 1)
        }
        return true
    }

    public static func matches(_ pattern: String, _ text: String, ignoresCase: Bool = false) -> Bool {
        matches(Array(pattern.utf8)[...], Array(text.utf8)[...], ignoresCase: ignoresCase)
    }

    private static func folded(_ byte: UInt8, _ ignoresCase: Bool) -> UInt8 {
        ignoresCase && byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
    }

    /// Where the pattern goes on if its part at `place` takes the byte.
    private static func one(_ pattern: ArraySlice<UInt8>, _ place: Int, _ byte: UInt8, _ ignoresCase: Bool) -> Int? {
        let byte = folded(byte, ignoresCase)
        switch pattern[place] {
        case UInt8(ascii: "?"): return place + 1
        case UInt8(ascii: "["): return kind(pattern, place + 1, byte, ignoresCase)
        case UInt8(ascii: "\\") where place + 1 < pattern.endIndex:
            return folded(pattern[place + 1], ignoresCase) == byte ? place + 2 : nil
        default: return folded(pattern[place], ignoresCase) == byte ? place + 1 : nil
        }
    }

    /// One that isn't closed ends with the pattern.
    private static func kind(_ pattern: ArraySlice<UInt8>, _ begin: Int, _ byte: UInt8, _ ignoresCase: Bool) -> Int? {
        var place = begin
        let isNegated = place < pattern.endIndex && pattern[place] == UInt8(ascii: "^")
        if isNegated { place += 1 }
        var isFound = false
        while place < pattern.endIndex, pattern[place] != UInt8(ascii: "]") {
            if pattern[place] == UInt8(ascii: "\\"), place + 1 < pattern.endIndex {
                place += 1
                if folded(pattern[place], ignoresCase) == byte { isFound = true }
            } else if place + 2 < pattern.endIndex, pattern[place + 1] == UInt8(ascii: "-") {
                let (first, last) = (folded(pattern[place], ignoresCase), folded(pattern[place + 2], ignoresCase))
                if min(first, last) <= byte, byte <= max(first, last) { isFound = true }
                place += 2
            } else if folded(pattern[place], ignoresCase) == byte {
                isFound = true
            }
            place += 1
        }
        return isFound != isNegated ? min(place + 1, pattern.endIndex) : nil
    }
}
