// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire
internal import NIOCore
internal import Synchronization

/// What calls of one endpoint may take.
///
/// A call above a limit is answered at once, with code 429 (gRPC status 8, "resource exhausted"), before anything of it
/// is decoded and before any interceptor.
public struct EndpointLimits: Sendable, Hashable {
    /// How many calls may be under way at once; `nil` is no limit. A stream counts until it ends.
    public var maximumConcurrentCalls: Int?

    /// How many calls may begin in a second; `nil` is no limit.
    public var rate: RateLimit?

    /// How long a call may take, whatever its caller allows; `nil` leaves it to the caller.
    ///
    /// When it is over, the caller gets code 408 and the handler's task is cancelled.
    public var timeout: Duration?

    public init() {}

    var isNone: Bool { self == EndpointLimits() }
}

/// So many calls a second, and so many at once after a quiet time.
public struct RateLimit: Sendable, Hashable {
    /// Calls a second in the long run.
    public var perSecond: Double
    /// Calls that may begin at the same moment.
    public var burst: Int

    /// - Parameters:
    ///   - perSecond: Calls a second in the long run; above zero.
    ///   - burst: Calls that may begin at the same moment; `nil` is a second's worth.
    public init(perSecond: Double, burst: Int? = nil) {
        precondition(perSecond > 0 && perSecond.isFinite, "a rate is above zero")
        self.perSecond = perSecond
        self.burst = max(1, burst ?? Int(min(perSecond.rounded(.up), Double(Int32.max))))
    }
}

/// A bucket that fills with tokens at a fixed rate and holds so many; a call takes one. A value: time comes from
/// outside.
package struct TokenBucket: Sendable, Hashable {
    private let perNanosecond: Double
    private let capacity: Double
    private var tokens: Double
    private var lastNanoseconds: UInt64

    /// A full bucket.
    package init(_ limit: RateLimit, atNanoseconds now: UInt64) {
        self.perNanosecond = limit.perSecond / 1e9
        self.capacity = Double(limit.burst)
        self.tokens = self.capacity
        self.lastNanoseconds = now
    }

    /// Takes a token if there is one. A clock that went back adds none.
    package mutating func take(atNanoseconds now: UInt64) -> Bool {
        if now > self.lastNanoseconds {
            let grown = self.tokens + Double(now - self.lastNanoseconds) * self.perNanosecond
            self.tokens = min(self.capacity, grown)
            self.lastNanoseconds = now
        }
        guard self.tokens >= 1 else { return false }
        self.tokens -= 1
        return true
    }
}

/// Counts the calls of one endpoint in and out.
final class EndpointGate: Sendable {
    private struct State {
        var active = 0
        var bucket: TokenBucket?
    }

    private let maximum: Int?
    private let state: Mutex<State>

    /// `nil` where nothing is limited but time, which the wire watches over.
    init?(_ limits: EndpointLimits) {
        guard limits.maximumConcurrentCalls != nil || limits.rate != nil else { return nil }
        self.maximum = limits.maximumConcurrentCalls
        let now = NIODeadline.now().uptimeNanoseconds
        self.state = Mutex(State(bucket: limits.rate.map { TokenBucket($0, atNanoseconds: now) }))
    }

    /// - Throws: code 429 when the call may not begin.
    func enter() throws {
        let refusal = self.state.withLock { state -> String? in
            if let maximum = self.maximum, state.active >= maximum {
                return "too many calls at once: the limit is \(maximum)"
            }
            if state.bucket != nil, state.bucket?.take(atNanoseconds: NIODeadline.now().uptimeNanoseconds) == false {
                return "too many calls a second"
            }
            state.active += 1
            return nil
        }
        guard let refusal else { return }
        var error = MicroError(.tooManyRequests, refusal)
        error.grpcStatusCode = GRPCStatusCode.resourceExhausted.rawValue
        throw error
    }

    func leave() { self.state.withLock { $0.active -= 1 } }
}
