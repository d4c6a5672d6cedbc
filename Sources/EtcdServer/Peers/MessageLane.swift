// SPDX-License-Identifier: Apache-2.0

package import MartletGRPCWire
package import MartletNode

/// What is published on its way to one member, as a value.
///
/// One call is under way; what comes meanwhile goes with the next ones. Where one fails, all that waits is lost with
/// it: else what was sent to a member that is away would come long after its time.
package struct MessageLane {
    /// Bytes that wait for a member: two of the longest messages.
    package static let queuedBytesMax = 32 << 20
    /// Bytes of a call, if it isn't for one message: the other member hands all of them out in one turn of its loop,
    /// which has elections and clients to serve.
    package static let callBytesMax = 256 << 10
    /// Calls that wait for a member. Only messages of both kinds in turn make so many of so few bytes: each call has
    /// memory of its own.
    package static let queuedCallsMax = 4096

    package struct Call: Sendable {
        package fileprivate(set) var bytes: [UInt8]
        /// Of which kind all of its messages are.
        package let isShard: Bool
        package fileprivate(set) var count: UInt64 = 1
    }

    /// What became of a call.
    package enum Outcome: Hashable, Sendable {
        case taken
        /// The member provably hasn't got it.
        case lost
        /// Nobody knows: it went out, and no answer came.
        case unconfirmed

        package init(_ status: GRPCStatus) {
            switch status.code {
            case .ok: self = .taken
            // The member's own words.
            case .invalidArgument, .failedPrecondition, .permissionDenied, .unimplemented, .resourceExhausted:
                self = .lost
            default: self = status.isConnectFailure || status.wasNotProcessed ? .lost : .unconfirmed
            }
        }
    }

    /// In their order.
    private var waiting: [Call] = []
    /// Of those that wait.
    package private(set) var byteCount = 0
    /// How many messages the call has that is under way.
    private var underway: UInt64?

    package init() {}

    package var isEmpty: Bool { waiting.isEmpty && underway == nil }

    /// - Parameter bytes: one message.
    /// - Returns: whether there was room.
    package mutating func add(_ bytes: [UInt8], isShard: Bool = false) -> Bool {
        guard byteCount + bytes.count <= Self.queuedBytesMax else { return false }
        let last = waiting.count - 1
        if last >= 0, waiting[last].isShard == isShard,
            waiting[last].bytes.count + bytes.count <= Self.callBytesMax
        {
            waiting[last].bytes += bytes
            waiting[last].count += 1
        } else {
            guard waiting.count < Self.queuedCallsMax else { return false }
            waiting.append(Call(bytes: bytes, isShard: isShard))
        }
        byteCount += bytes.count
        return true
    }

    /// The next call, which is under way from now on; nil where one is, or nothing waits.
    package mutating func takeNext() -> Call? {
        guard underway == nil, !waiting.isEmpty else { return nil }
        let call = waiting.removeFirst()
        byteCount -= call.bytes.count
        underway = call.count
        return call
    }

    /// The call that was under way is over.
    ///
    /// - Returns: what didn't arrive.
    package mutating func end(_ outcome: Outcome) -> MessageLosses {
        let count = underway ?? 0
        underway = nil
        if outcome == .taken { return MessageLosses() }
        let left = waiting.reduce(0) { $0 + $1.count }
        (waiting, byteCount) = ([], 0)
        return outcome == .lost
            ? MessageLosses(lost: count + left) : MessageLosses(lost: left, unconfirmed: count)
    }
}
