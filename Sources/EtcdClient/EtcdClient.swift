// SPDX-License-Identifier: Apache-2.0

public import Logging
internal import MartletGRPCWire
internal import NIOCore

/// A client of etcd's version 3 interface, for etcd itself and for Martlet's own server.
///
/// Requests go to one endpoint; when it can't be reached, or doesn't answer, the next one takes over. Every request
/// ends within its time limit. A client connects with its first request and ends with ``close()``.
public final class EtcdClient: Sendable {
    public struct Configuration: Sendable {
        /// The servers of one cluster, each `host:port`; without a port 2379 is meant.
        public var endpoints: [String]
        /// How long a request may take, further attempts included.
        public var timeout = Duration.seconds(5)
        /// How long one connect may take, so short that a dead server leaves a request time for the next one.
        public var connectTimeout = Duration.seconds(1)
        /// The largest response that is taken; a read without limit may be large.
        public var maximumMessageBytes = 64 << 20
        /// Where the client says what it does beside requests.
        public var logger = Logger(label: "martlet.etcd")

        public init(endpoints: [String] = ["127.0.0.1:2379"]) { self.endpoints = endpoints }
    }

    /// The longest pause between two connects to one endpoint, short so that a store that is back is used at once.
    static let longestReconnectPause = TimeAmount.milliseconds(500)

    /// The longest time limit that is kept; more is as good as none, and sums of a clock's nanoseconds would overflow.
    static let longestTimeout = Duration.seconds(365 * 24 * 3600)

    let configuration: Configuration
    /// The configured time limit, within bounds.
    let timeout: Duration
    let endpoints: EtcdEndpoints
    let leases: LeaseStream

    /// Makes a client; nothing is connected yet.
    ///
    /// - Throws: ``EtcdError`` when there is no endpoint, or one that isn't an address.
    public init(_ configuration: Configuration) throws(EtcdError) {
        guard !configuration.endpoints.isEmpty else { throw EtcdError(.invalidRequest, "no endpoints") }
        let timeout = min(max(configuration.timeout, .zero), Self.longestTimeout)
        var wireConfiguration = WireClientConfiguration()
        wireConfiguration.connectTimeout = TimeAmount(min(max(configuration.connectTimeout, .zero), timeout))
        wireConfiguration.backoff.maximum = Self.longestReconnectPause
        var connections: [WireClient] = []
        for endpoint in configuration.endpoints {
            let address = try Self.address(endpoint)
            do {
                connections.append(
                    try WireClient(address, configuration: wireConfiguration, logger: configuration.logger))
            } catch {
                throw EtcdError(.invalidRequest, "\(error)")
            }
        }
        self.configuration = configuration
        self.timeout = timeout
        self.endpoints = EtcdEndpoints(connections)
        self.leases = LeaseStream(self.endpoints, timeout: timeout)
    }

    /// Makes a client with the default settings.
    public convenience init(endpoints: String...) throws(EtcdError) {
        try self.init(Configuration(endpoints: endpoints))
    }

    deinit {
        Task { [leases, endpoints] in
            await leases.close()
            await endpoints.close()
        }
    }

    /// Closes all connections. Requests fail from now on, watches end.
    public func close() async {
        self.endpoints.refuse()
        await self.leases.close()
        await self.endpoints.close()
    }

    /// Reads `host:port`, `host`, and both behind `http://`.
    static func address(_ endpoint: String) throws(EtcdError) -> WireAddress {
        var text = endpoint[...]
        if text.hasPrefix("http://") { text = text.dropFirst(7) }
        if text.hasSuffix("/") { text = text.dropLast() }
        let port = text.lastIndex(of: ":").flatMap { UInt16(text[text.index(after: $0)...]) }
        let isComplete = text.hasPrefix("unix:") || port != nil
        guard let address = WireAddress(isComplete ? String(text) : "\(text):2379") else {
            throw EtcdError(.invalidRequest, "malformed endpoint: \"\(endpoint)\"")
        }
        return address
    }
}
