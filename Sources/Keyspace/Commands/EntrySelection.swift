// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec
import MartletStreams

/// Which entries a read shows, and what of them: FILTER name value, as often as need be, and NOVALUES.
struct EntrySelection: Sendable {
    /// Pairs of one read at most: each is looked for in every entry.
    static let maximumPairs = 16

    /// Names and values that an entry must have, all of them.
    private(set) var pairs: [(name: [UInt8], value: [UInt8])] = []
    private(set) var showsIDsOnly = false

    /// Reads a word, and what belongs to it.
    ///
    /// - Returns: how many words these were; 0: it is none of them.
    mutating func read(_ call: Call, _ index: Int) throws(CommandError) -> Int {
        if call.arguments.matches(index, "NOVALUES") {
            showsIDsOnly = true
            return 1
        }
        guard call.arguments.matches(index, "FILTER"), index + 2 < call.count else { return 0 }
        guard pairs.count < Self.maximumPairs else { throw .text("ERR too many FILTER options") }
        pairs.append((call.arguments.array(index + 1), call.arguments.array(index + 2)))
        return 3
    }

    /// How many entries may have to be looked at for so many that are shown.
    func examined(for count: Int) -> Int { pairs.isEmpty ? count : .max }

    func admits(_ entry: StreamEntry) -> Bool { pairs.allSatisfy { entry.has($0.name, $0.value) } }
}

extension ReplyWriter {
    @inline(__always)
    mutating func entry(_ entry: StreamEntry, _ selection: EntrySelection) {
        if selection.showsIDsOnly { bulk(entry.id) } else { self.entry(entry) }
    }
}
