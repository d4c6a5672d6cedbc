// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// Reads of random prefixes, their count and their first ten pairs by turns, and between them of one key that is not
/// there: what that takes, everything does.
///
/// Each question is asked some times on end; the fastest answer waited least for disks and for other processes. What it
/// took more than the fastest answer to the missing key just before is the range's own, inside the server.
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
    private static let timesAsked = 5
    private let revision: Int
    private let serializable: Bool
    private var random: SeededRandom
    private var kind = Kind.limited
    private var question: [UInt8] = []
    private var asked = Self.timesAsked
    private var fastest = UInt64.max
    private var fastestMissing = UInt64.max
    /// Of all answers, by kind.
    private(set) var latencies = Kind.allCases.map { _ in LatencyHistogram() }
    /// What each question took more than the missing key before it, by kind.
    private(set) var ownLatencies = Kind.allCases.map { _ in LatencyHistogram() }

    /// - Parameter revision: 0 for the newest.
    init(revision: Int, serializable: Bool, seed: UInt64) {
        self.revision = revision
        self.serializable = serializable
        self.random = SeededRandom(seed: seed)
    }

    mutating func next(lane: Int, into message: inout [UInt8]) -> Method? {
        if self.asked == Self.timesAsked { self.think() }
        self.asked += 1
        message += self.question
        return .range
    }

    private mutating func think() {
        (self.asked, self.fastest) = (0, .max)
        self.question.removeAll(keepingCapacity: true)
        self.kind = Kind.allCases[(self.kind.rawValue + 1) % Kind.allCases.count]
        let prefix = Keys.groupPrefix(
            Int.random(in: 0..<1_000, using: &self.random), digits: Int.random(in: 1...3, using: &self.random))
        let end = Keys.end(ofPrefix: prefix)
        switch self.kind {
        case .missing:
            self.question.append(range: Array("nobody".utf8), revision: self.revision, serializable: self.serializable)
        case .count:
            self.question.append(
                range: prefix, end: end, revision: self.revision, serializable: self.serializable, countOnly: true)
        case .limited:
            self.question.append(
                range: prefix, end: end, limit: Self.limit, revision: self.revision, serializable: self.serializable)
        }
    }

    mutating func finish(lane: Int, _ answer: ArraySlice<UInt8>, nanoseconds: UInt64) {
        self.latencies[self.kind.rawValue].add(nanoseconds)
        self.fastest = min(self.fastest, nanoseconds)
        if self.asked == Self.timesAsked {
            if self.kind == .missing { self.fastestMissing = self.fastest }
            self.ownLatencies[self.kind.rawValue].add(self.fastest - min(self.fastest, self.fastestMissing))
        }
        // RangeResponse.count 4: a prefix without keys would measure nothing.
        let count = ProtobufFields.first(4, in: answer)?.value ?? 0
        guard (count == 0) == (self.kind == .missing) else { fail("a range of kind \(self.kind) found \(count) keys") }
    }
}
