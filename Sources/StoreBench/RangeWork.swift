// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// Reads of random prefixes, their count and their first ten pairs by turns, and between them of one key that is not
/// there: what that takes, everything does.
struct RangeWork: CallWork {
    enum Kind: Int, CaseIterable {
        case missing, count, limited

        var name: String {
            switch self {
            case .missing: "missing"
            case .count: "count"
            case .limited: "limit"
            }
        }
    }

    private static let limit = 10
    private let revision: Int
    private let serializable: Bool
    private var random: SeededRandom
    private var kind = Kind.limited
    private(set) var latencies = Kind.allCases.map { _ in LatencyHistogram() }

    /// - Parameter revision: 0 for the newest.
    init(revision: Int, serializable: Bool, seed: UInt64) {
        self.revision = revision
        self.serializable = serializable
        self.random = SeededRandom(seed: seed)
    }

    mutating func next(lane: Int, into message: inout [UInt8]) -> Method? {
        self.kind = Kind.allCases[(self.kind.rawValue + 1) % Kind.allCases.count]
        let prefix = Keys.groupPrefix(
            Int.random(in: 0..<1_000, using: &self.random), digits: Int.random(in: 1...3, using: &self.random))
        let end = Keys.end(ofPrefix: prefix)
        switch self.kind {
        case .missing:
            message.append(range: Array("nobody".utf8), revision: self.revision, serializable: self.serializable)
        case .count:
            message.append(
                range: prefix, end: end, revision: self.revision, serializable: self.serializable, countOnly: true)
        case .limited:
            message.append(
                range: prefix, end: end, limit: Self.limit, revision: self.revision, serializable: self.serializable)
        }
        return .range
    }

    mutating func finish(lane: Int, _ answer: ArraySlice<UInt8>, nanoseconds: UInt64) {
        self.latencies[self.kind.rawValue].add(nanoseconds)
        // RangeResponse.count 4: a prefix without keys would measure nothing.
        let count = ProtobufFields.first(4, in: answer)?.value ?? 0
        guard (count == 0) == (self.kind == .missing) else { fail("a range of kind \(self.kind) found \(count) keys") }
    }
}
