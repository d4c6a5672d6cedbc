// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MartletGRPCWire
internal import NIOCore

/// Makes the connections of one client.
struct EtcdConnector: Sendable {
    /// The longest pause between two connects to one endpoint, short so that a store that is back is used at once.
    static let longestReconnectPause = TimeAmount.milliseconds(500)
    /// The port that etcd's clients are served at.
    static let defaultPort = 2379

    private let connectTimeout: Duration
    private let tls: EtcdTLS?
    private let logger: Logger
    let credentials: EtcdCredentials?
    let timeout: Duration
    let maximumMessageBytes: Int

    init(_ configuration: EtcdClient.Configuration, timeout: Duration) {
        self.connectTimeout = min(max(configuration.connectTimeout, .zero), timeout)
        self.tls = configuration.tls
        self.logger = configuration.logger
        self.credentials = configuration.credentials
        self.timeout = timeout
        self.maximumMessageBytes = configuration.maximumMessageBytes
    }

    /// A connection that connects with its first call.
    func connection(to endpoint: String) throws(EtcdError) -> WireClient {
        let (address, scheme) = try Self.address(endpoint)
        var configuration = WireClientConfiguration()
        configuration.connectTimeout = TimeAmount(self.connectTimeout)
        configuration.backoff.maximum = Self.longestReconnectPause
        switch scheme {
        case .plain: break
        case .encrypted: configuration.tls = WireClientTLS(self.tls ?? EtcdTLS())
        case .unspecified: configuration.tls = self.tls.map { WireClientTLS($0) }
        }
        do {
            return try WireClient(address, configuration: configuration, logger: self.logger)
        } catch {
            throw EtcdError(.invalidRequest, "\(error)")
        }
    }

    enum Scheme {
        case plain
        case encrypted
        case unspecified
    }

    /// Reads `host:port` and `host`, also behind `http://` or `https://`; `unix:path`; and `inprocess:name`, which is
    /// a server of this process.
    static func address(_ endpoint: String) throws(EtcdError) -> (WireAddress, Scheme) {
        var text = endpoint[...]
        var scheme = Scheme.unspecified
        if text.hasPrefix("http://") {
            text = text.dropFirst(7)
            scheme = .plain
        } else if text.hasPrefix("https://") {
            text = text.dropFirst(8)
            scheme = .encrypted
        }
        if text.hasSuffix("/") { text = text.dropLast() }
        let port = text.lastIndex(of: ":").flatMap { UInt16(text[text.index(after: $0)...]) }
        let isComplete = text.hasPrefix("unix:") || text.hasPrefix("inprocess:") || port != nil
        guard let address = WireAddress(isComplete ? String(text) : "\(text):\(Self.defaultPort)") else {
            throw EtcdError(.invalidRequest, "malformed endpoint: \"\(endpoint)\"")
        }
        return (address, scheme)
    }
}

extension WireClientTLS {
    init(_ tls: EtcdTLS) {
        self.init()
        self.trustRootsFile = tls.trustRootsFile
        self.certificateChainFile = tls.certificateChainFile
        self.privateKeyFile = tls.privateKeyFile
        self.serverName = tls.serverName
        self.skipsVerification = tls.skipsVerification
    }
}
