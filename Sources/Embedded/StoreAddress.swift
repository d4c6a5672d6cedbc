// SPDX-License-Identifier: Apache-2.0

/// Where a store is: in this process, or at servers.
///
///     embedded                              in this process, in memory
///     embedded:PATH                         in this process, in a folder
///     etcd://a:2379,b:2379 redis://c:6379   keys at etcd, streams at Redis or Valkey; or Martlet's server for either
///     martlet://a,b,c                       both at Martlet's servers, at their usual ports
///
/// Addresses are separated by commas or spaces; one without a scheme has that of the one before. `etcds`, `rediss`,
/// `valkeys` and `martlets` are encrypted. Names and passwords stand before the host: `etcd://user:password@host`, with
/// `%` and two hexadecimal digits for what would mean something else there.
public struct StoreAddress: Hashable, Sendable {
    enum Place: Hashable, Sendable {
        /// In memory where there is no path.
        case embedded(path: String?)
        case servers(Servers)
    }

    /// Servers of both kinds; at least one.
    struct Servers: Hashable, Sendable {
        /// As `EtcdClient` takes them.
        var keys: [String] = []
        var keysUser: String?
        var keysPassword: String?
        /// As `RedisClient` takes them.
        var streams: [String] = []
    }

    let place: Place

    /// In this process, in memory: gone when it is closed.
    public static let embedded = StoreAddress(place: .embedded(path: nil))

    /// In this process, in a folder, which is made where there is none. One store at a time has it.
    public static func embedded(path: String) -> StoreAddress { StoreAddress(place: .embedded(path: path)) }

    /// At servers.
    ///
    /// - Parameters:
    ///   - keys: Of one cluster of etcd's protocol, each `host:port`, behind `https://` encrypted.
    ///   - streams: Of Redis's protocol, as `RedisClient.Configuration.addresses` has them.
    public static func servers(keys: [String], streams: [String]) -> StoreAddress {
        precondition(!keys.isEmpty || !streams.isEmpty, "a store needs servers")
        return StoreAddress(place: .servers(Servers(keys: keys, streams: streams)))
    }

    init(place: Place) { self.place = place }

    /// Whether the store runs in this process.
    public var isEmbedded: Bool {
        if case .embedded = place { true } else { false }
    }
}

extension StoreAddress: CustomStringConvertible {
    /// Without names and passwords.
    public var description: String {
        switch place {
        case .embedded(nil): return "embedded"
        case .embedded(let path?): return "embedded:\(path)"
        case .servers(let servers):
            let keys = servers.keys.map { key in
                for (scheme, shown) in [("https://", "etcds://"), ("http://", "etcd://")] where key.hasPrefix(scheme) {
                    return shown + key.dropFirst(scheme.count)
                }
                return "etcd://\(key)"
            }
            return (keys + servers.streams.map(Self.withoutUser)).joined(separator: " ")
        }
    }

    private static func withoutUser(_ address: String) -> String {
        guard let scheme = address.firstRange(of: "://"), let at = address.lastIndex(of: "@") else {
            return address.contains("://") ? address : "redis://\(address)"
        }
        return String(address[..<scheme.upperBound] + address[address.index(after: at)...])
    }
}
