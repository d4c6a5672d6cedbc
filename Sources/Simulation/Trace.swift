// SPDX-License-Identifier: Apache-2.0

/// What happened in a simulation, as one number: equal for equal runs, in every process.
package struct Trace {
    /// FNV-1a with 64 bits; arithmetic wraps by definition.
    package private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    /// Takes each line of the story; `nil` if nobody reads it.
    private let tell: ((String) -> Void)?

    init(tell: ((String) -> Void)?) {
        self.tell = tell
    }

    /// The text is made only where somebody reads it: everything that could tell two runs apart must be a number.
    mutating func note(
        _ time: Int, _ what: StaticString, _ first: Int = 0, _ second: Int = 0,
        _ text: @autoclosure () -> String = ""
    ) {
        what.withUTF8Buffer { for byte in $0 { add(byte: byte) } }
        add(UInt64(bitPattern: Int64(time)))
        add(UInt64(bitPattern: Int64(first)))
        add(UInt64(bitPattern: Int64(second)))
        guard let tell else { return }
        let words = text()
        let place = String(time + 1_000_000_000).dropFirst()
        tell("\(place.dropLast(6)).\(place.suffix(6)) \(what) \(first) \(second)\(words.isEmpty ? "" : " \(words)")")
    }

    mutating func add(_ number: UInt64) {
        for shift in stride(from: 0, to: 64 as UInt64, by: 8) { add(byte: UInt8(truncatingIfNeeded: number >> shift)) }
    }

    mutating func add(_ bytes: [UInt8]) {
        for byte in bytes { add(byte: byte) }
    }

    private mutating func add(byte: UInt8) {
        hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
    }
}
