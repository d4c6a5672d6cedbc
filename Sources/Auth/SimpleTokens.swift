// SPDX-License-Identifier: Apache-2.0

/// The tokens that one member handed out or saw handed out in the log: `sixteenLetters.index`, kept in memory.
///
/// They end a while after their last use, with their user or password, and all at once when authentication goes off;
/// a restart forgets them, and clients log in anew. `index` is the log index of the record that handed the token out.
/// Time is a duration since any fixed moment and never runs back.
/// Source: etcd server/auth simple_token.
public struct SimpleTokens: Sendable {
    /// What a token is worth after its last use, unless `--auth-token-ttl` says otherwise.
    public static let defaultTimeToLive = Duration.seconds(300)
    /// Letters in the random part: 52 to the power of 16 is above 2 to the power of 91.
    public static let prefixLength = 16

    private static let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)

    private struct Holder {
        var user: AuthName
        var end: Duration
    }

    public let timeToLive: Duration
    /// Tokens kept at once; the oldest go first. Some twenty megabytes.
    public let countMax: Int
    private var holders: [String: Holder] = [:]
    /// The tokens of each user, to end them together.
    private var tokensByUser: [AuthName: Set<String>] = [:]
    /// Every token once, with the end it had when it got here; one that was used since then goes to the back when its
    /// turn comes. Only forgetting goes by it, so its order need not be exact. Taken from at `nextToEnd`.
    private var byEnd: [(token: String, end: Duration)] = []
    private var nextToEnd = 0
    /// Whether authentication is on. Tokens assigned while it is off are not kept.
    public private(set) var isEnabled = false

    /// A lifetime of zero or less stands for the default, as in etcd.
    public init(timeToLive: Duration = defaultTimeToLive, countMax: Int = 100_000) {
        precondition(countMax > 0, "no room for a token")
        self.countMax = countMax
        self.timeToLive = timeToLive > .zero ? timeToLive : Self.defaultTimeToLive
    }

    public var count: Int { holders.count }

    /// The random part of a new token, for the record that proposes it. The source must be fit for secrets.
    public static func makePrefix(using random: inout some RandomNumberGenerator) -> String {
        let drawn = (0..<prefixLength).map { _ in letters[Int(random.next(upperBound: UInt(letters.count)))] }
        return String(decoding: drawn, as: UTF8.self)
    }

    /// Carries out what an applied request asks for.
    public mutating func apply(_ effect: AuthOutcome.TokenEffect) {
        switch effect {
        case .none: break
        case .begin: isEnabled = true
        case .endAll:
            self = SimpleTokens(timeToLive: timeToLive, countMax: countMax)
        case .end(let user):
            for token in tokensByUser.removeValue(forKey: user) ?? [] { holders[token] = nil }
        }
    }

    /// Hands out the token that the record at `index` is for.
    public mutating func assign(
        to user: AuthName, prefix: String, index: UInt64, now: Duration
    ) -> String {
        let token = "\(prefix).\(index)"
        guard isEnabled else { return token }
        removeEnded(now: now)
        removeOldest(leaving: countMax - 1)
        holders[token] = Holder(user: user, end: now + timeToLive)
        tokensByUser[user, default: []].insert(token)
        byEnd.append((token, now + timeToLive))
        return token
    }

    /// Whose token it is, and keeps it alive. Nil: unknown or ended.
    public mutating func user(of token: String, now: Duration) -> AuthName? {
        guard let holder = holders[token], now <= holder.end else { return nil }
        holders[token]?.end = now + timeToLive
        return holder.user
    }

    /// Forgets what has ended. To be called now and then; also done at each assignment.
    ///
    /// Complexity: amortized O(1) for each token and each lifetime it lasts.
    public mutating func removeEnded(now: Duration) {
        while nextToEnd < byEnd.count, byEnd[nextToEnd].end < now {
            let token = byEnd[nextToEnd].token
            nextToEnd += 1
            guard let holder = holders[token] else { continue }
            if holder.end < now {
                remove(token, of: holder.user)
            } else {
                byEnd.append((token, holder.end))
            }
        }
        // Half of the array is behind us: move the rest forward.
        if nextToEnd > 0 && nextToEnd * 2 >= byEnd.count {
            byEnd.removeFirst(nextToEnd)
            nextToEnd = 0
        }
    }

    private mutating func removeOldest(leaving count: Int) {
        while holders.count > count, nextToEnd < byEnd.count {
            let token = byEnd[nextToEnd].token
            nextToEnd += 1
            if let holder = holders[token] { remove(token, of: holder.user) }
        }
    }

    private mutating func remove(_ token: String, of user: AuthName) {
        holders[token] = nil
        tokensByUser[user]?.remove(token)
        if tokensByUser[user]?.isEmpty == true { tokensByUser[user] = nil }
    }
}
