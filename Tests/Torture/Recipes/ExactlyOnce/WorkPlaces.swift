// SPDX-License-Identifier: Apache-2.0

import MartletEmbedded

/// What is where in the store whose messages are counted.
enum WorkPlaces {
    struct Message: Codable, Sendable {
        var number: Int
    }

    static let messages = StoreStream<Message>("torture-work")
    static let group = "torture-workers"
    /// Effects, one entry for each message.
    static let effects = StoreStream<Message>("torture-effects")
    /// Effects once more, one key for each step, which holds the numbers of its messages.
    static let effectKeys = "torture-effects/"
    /// How far a producer has come.
    static func produced(_ producer: Int) -> StoreKey<Int> { StoreKey("torture-produced/\(producer)") }
}
