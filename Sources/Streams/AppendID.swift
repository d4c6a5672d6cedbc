// SPDX-License-Identifier: Apache-2.0

/// Which ID a new entry is to have.
public enum AppendID: Hashable, Sendable {
    /// The record's stamp, or what follows the last ID where that isn't above it.
    case automatic
    /// The first free sequence of a millisecond.
    case automaticSequence(milliseconds: UInt64)
    case explicit(StreamID)

    /// Reads `*`, `ms-*`, `ms` (sequence 0) and `ms-seq`.
    ///
    /// - Throws: `invalidID`; `addIDIsZero` for an explicit 0-0.
    public init(text: RawSpan) throws(StreamError) {
        let star = UInt8(ascii: "*")
        let count = text.byteCount
        if count > 0, text.unsafeLoad(fromByteOffset: count - 1, as: UInt8.self) == star {
            if count == 1 {
                self = .automatic
                return
            }
            guard count > 2, text.unsafeLoad(fromByteOffset: count - 2, as: UInt8.self) == UInt8(ascii: "-"),
                let id = StreamID(text: text.extracting(first: count - 2)), !text.holdsHyphen(before: count - 2)
            else { throw .invalidID }
            self = .automaticSequence(milliseconds: id.milliseconds)
            return
        }
        guard let id = StreamID(text: text) else { throw .invalidID }
        if id == .zero { throw .addIDIsZero }
        self = .explicit(id)
    }

    /// The ID that an entry gets behind `last`.
    ///
    /// - Parameter now: the record's stamp, in milliseconds of the Unix clock.
    /// - Throws: `exhausted`, `addIDIsNotAbove`, `addIDIsZero`.
    public func resolved(after last: StreamID, now: UInt64) throws(StreamError) -> StreamID {
        guard let next = last.successor else { throw .exhausted }
        switch self {
        case .automatic:
            return now > last.milliseconds ? StreamID(now, 0) : next
        case .automaticSequence(let milliseconds):
            if milliseconds > last.milliseconds { return StreamID(milliseconds, 0) }
            guard milliseconds == last.milliseconds, next.milliseconds == milliseconds else { throw .addIDIsNotAbove }
            return next
        case .explicit(let id):
            if id == .zero { throw .addIDIsZero }
            guard id > last else { throw .addIDIsNotAbove }
            return id
        }
    }
}

extension RawSpan {
    fileprivate func holdsHyphen(before end: Int) -> Bool {
        for offset in 0..<end where unsafeLoad(fromByteOffset: offset, as: UInt8.self) == UInt8(ascii: "-") {
            return true
        }
        return false
    }
}
