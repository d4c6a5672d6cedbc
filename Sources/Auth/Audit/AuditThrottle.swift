// SPDX-License-Identifier: Apache-2.0

/// Says which denied requests are written down, so that nobody fills a disk by being refused: so many of each user in a
/// minute; the others are counted.
///
/// Those of whom nobody knows who they are count as one user, whatever names they give. A minute of all users begins
/// with the first line after the last one has ended.
public struct AuditThrottle: Sendable {
    /// Enough to see what a program tries, few enough for a disk: about 15 KiB a minute and user.
    public static let linesPerMinute = 60
    /// Users who are told apart; further ones count as one more. Bounds memory, and the lines of a minute.
    public static let maximumUsers = 1024
    private static let minute = Duration.seconds(60)

    /// What wasn't written of one user.
    public struct Suppressed: Hashable, Sendable {
        /// `nil`: of those whom nobody knows, and of the users beyond `maximumUsers`.
        public var user: [UInt8]?
        public var count: Int

        public init(user: [UInt8]?, count: Int) {
            self.user = user
            self.count = count
        }
    }

    private struct Bucket: Sendable {
        var user: [UInt8]?
        var lines = 0
        var suppressed = 0
    }

    /// In the order in which their users were denied first; the first is that of the unknown.
    private var buckets = [Bucket()]
    /// Only searched.
    private var places: [[UInt8]: Int] = [:]
    private var end: Duration?

    public init() {}

    /// When `suppressed(at:)` may have something to tell; `nil`: nothing was denied since.
    public var due: Duration? { end }

    /// Whether a line may be written. What `suppressed(at:)` says comes before.
    public mutating func admits(_ user: [UInt8]?, at now: Duration) -> Bool {
        if end == nil { end = now + Self.minute }
        let place = place(of: user)
        guard buckets[place].lines < Self.linesPerMinute else {
            buckets[place].suppressed += 1
            return false
        }
        buckets[place].lines += 1
        return true
    }

    /// What the minute that is over has not written, once.
    public mutating func suppressed(at now: Duration) -> [Suppressed] {
        guard let end, end <= now else { return [] }
        let told = buckets.filter { $0.suppressed > 0 }.map { Suppressed(user: $0.user, count: $0.suppressed) }
        self = AuditThrottle()
        return told
    }

    private mutating func place(of user: [UInt8]?) -> Int {
        guard let user else { return 0 }
        if let place = places[user] { return place }
        guard buckets.count <= Self.maximumUsers else { return 0 }
        places[user] = buckets.count
        buckets.append(Bucket(user: user))
        return buckets.count - 1
    }
}
