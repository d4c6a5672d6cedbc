// SPDX-License-Identifier: Apache-2.0

import MartletBasics

extension SeededRandom {
    mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

    /// True once in `count` times on average.
    mutating func once(in count: Int) -> Bool { number(1...count) == 1 }

    mutating func flag() -> Bool { Bool.random(using: &self) }

    /// The choices must not be empty.
    mutating func pick<Choice>(_ choices: [Choice]) -> Choice { choices[number(0...choices.count - 1)] }
}
