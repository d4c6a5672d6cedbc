// SPDX-License-Identifier: Apache-2.0

/// How long a stream keeps its entries, of itself. Martlet alone. What is `nil` sets no bound.
public struct RedisRetention: Sendable, Hashable {
    public var maximumAge: Duration?
    /// A block more may stay, as of ``maximumCount``.
    public var maximumBytes: Int?
    public var maximumCount: Int?
    /// Whether entries go that all groups have acknowledged.
    public var removesAcknowledged = false

    public init(
        maximumAge: Duration? = nil, maximumBytes: Int? = nil, maximumCount: Int? = nil,
        removesAcknowledged: Bool = false
    ) {
        self.maximumAge = maximumAge
        self.maximumBytes = maximumBytes
        self.maximumCount = maximumCount
        self.removesAcknowledged = removesAcknowledged
    }
}
