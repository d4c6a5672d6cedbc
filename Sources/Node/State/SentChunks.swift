// SPDX-License-Identifier: Apache-2.0

/// Chunks of a state that have left and that the receiver has not named yet, by their place in the state: what a broken
/// connection took with it goes again from here.
///
///     0 … acknowledged │ kept … │ those to be made yet
///                      └ next: what goes next, behind all that is kept but after a break
struct SentChunks {
    /// What a fast network has under way, and what a receiver takes before it says so, some times over. Whoever
    /// resumes has it all sent again at most.
    static let byteLimit = 16 << 20

    /// How many the receiver has.
    private(set) var acknowledged = 0
    /// Bytes that have left more than once.
    private(set) var repeatedByteCount = 0
    private let keeps: Bool
    private var kept: [[UInt8]] = []
    private var byteCount = 0
    /// How many of `kept` this connection has got.
    private var next = 0

    /// - Parameter keeps: whether the receiver says what it has; otherwise nothing can go again.
    init(keeps: Bool = true) { self.keeps = keeps }

    /// No more may leave before the receiver says what it has.
    var isFull: Bool { byteCount >= Self.byteLimit }

    /// What goes again; `nil`: a new one is due.
    mutating func nextAgain() -> [UInt8]? {
        guard next < kept.count else { return nil }
        defer { next += 1 }
        repeatedByteCount += kept[next].count
        return kept[next]
    }

    mutating func add(_ chunk: [UInt8]) {
        guard keeps else { return }
        precondition(next == kept.count, "a new chunk leaves before old ones have gone again")
        kept.append(chunk)
        next += 1
        byteCount += chunk.count
    }

    /// The receiver has the first `count`.
    ///
    /// - Throws: `.incomplete` where it has fewer than it said before, or more than have left.
    mutating func acknowledge(_ count: Int) throws(StateTransferError) {
        guard count >= acknowledged, count - acknowledged <= next else { throw .incomplete }
        let gone = count - acknowledged
        for chunk in kept.prefix(gone) { byteCount -= chunk.count }
        kept.removeFirst(gone)
        next -= gone
        acknowledged = count
    }

    /// A new connection is there, and the receiver has the first `count`: what is behind them goes again.
    mutating func resume(after count: Int) throws(StateTransferError) {
        try acknowledge(count)
        next = 0
    }
}
