// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MartletInProcess
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// Makes the connections of one client.
struct RedisConnector: Sendable {
    /// The pause after all addresses have failed in turn, doubled each time up to the limit below.
    static let firstPause = Duration.milliseconds(20)
    /// The longest pause: well below any time limit, so that a server that is back is found at once.
    static let longestPause = Duration.milliseconds(500)

    let addresses: [RedisAddress]
    let timeout: Duration
    let connectTimeout: Duration
    let limits: RedisWire.Limits
    let logger: Logger
    private let credentials: RedisCredentials?
    private let logsInWhereAsked: Bool
    private let database: Int
    private let name: String?
    private let usesRESP2: Bool
    private let usesTLS: Bool
    private let serverName: String?
    private let context: NIOSSLContext?

    init(_ configuration: RedisClient.Configuration) throws(RedisError) {
        guard !configuration.addresses.isEmpty else {
            throw RedisError(.invalidRequest, "no addresses", wasNotExecuted: true)
        }
        var addresses: [RedisAddress] = []
        for address in configuration.addresses { addresses.append(try RedisAddress(address)) }
        self.addresses = addresses
        timeout = min(max(configuration.timeout, .zero), RedisClient.longestTimeout)
        connectTimeout = min(max(configuration.connectTimeout, .milliseconds(1)), RedisClient.longestTimeout)
        limits = RedisWire.Limits(
            queuedBytes: configuration.maximumQueuedBytes, exchanges: configuration.maximumQueuedCommands,
            replies: ReplyAssembler.Limits(bytes: configuration.maximumReplyBytes))
        logger = configuration.logger
        credentials = configuration.credentials
        logsInWhereAsked = configuration.logsInWhereAsked
        database = configuration.database
        name = configuration.name
        usesRESP2 = configuration.usesRESP2
        usesTLS = configuration.tls != nil
        serverName = configuration.tls?.serverName
        let needsTLS = configuration.tls != nil || addresses.contains { $0.isEncrypted == true }
        do {
            context = needsTLS ? try (configuration.tls ?? RedisTLS()).makeContext() : nil
        } catch {
            throw RedisError(.invalidRequest, "TLS files can't be used: \(error)", wasNotExecuted: true)
        }
    }

    /// The pause after so many connects have failed in turn.
    func pause(afterFailures failures: Int) -> Duration {
        // Another address is tried at once.
        let rounds = failures / addresses.count
        guard rounds > 0, failures.isMultiple(of: addresses.count) else { return .zero }
        return min(Self.firstPause * (1 << min(rounds - 1, 10)), Self.longestPause)
    }

    /// Connects and greets.
    ///
    /// - Parameter attempt: Which of the addresses is meant, counted round and round.
    func connect(attempt: Int) async throws(RedisError) -> RedisWire {
        let address = addresses[attempt % addresses.count]
        do {
            return try await connect(to: address)
        } catch let error as RedisError {
            throw error
        } catch let refused as InProcessListeners.Refused {
            throw RedisError(.invalidRequest, "\(refused)", wasNotExecuted: true)
        } catch {
            throw RedisError(.unavailable, "no connection to \(address.place): \(error)", wasNotExecuted: true)
        }
    }

    private func connect(to address: RedisAddress) async throws -> RedisWire {
        let limits = limits
        let isEncrypted = address.isEncrypted ?? usesTLS
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(TimeAmount(connectTimeout))
            .channelOption(.maxMessagesPerRead, value: 4)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if isEncrypted { try secure(channel, address.place) }
                    try channel.pipeline.syncOperations.addHandler(WireHandler(limits: limits.replies))
                }
            }
        let channel: any Channel
        switch address.place {
        case .hostPort(let host, let port):
            channel = try await bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelOption(.socketOption(.so_keepalive), value: 1).connect(host: host, port: port).get()
        case .unixSocket(let path): channel = try await bootstrap.connect(unixDomainSocketPath: path).get()
        case .inProcess(let name):
            // On the server's own loop: a command takes one hop to it and none to its connection.
            let loop = InProcessListeners.listener(name)?.nextLoop() ?? MultiThreadedEventLoopGroup.singleton.next()
            channel = try await InProcessListeners.connect(to: name, on: loop).flatMapThrowing { channel in
                try channel.pipeline.syncOperations.addHandler(WireHandler(limits: limits.replies))
                try channel.syncOptions?.setOption(.autoRead, value: true)
                return channel
            }.get()
        }
        do {
            let handler = try await channel.eventLoop.submit {
                NIOLoopBound(
                    try channel.pipeline.syncOperations.handler(type: WireHandler.self), eventLoop: channel.eventLoop)
            }.get()
            let info = try await greet(channel, handler, address)
            return try await RedisWire.make(channel, handler, limits, info)
        } catch {
            channel.close(promise: nil)
            throw error
        }
    }

    private func secure(_ channel: any Channel, _ place: RedisAddress.Place) throws {
        guard let context else { return }
        var name = serverName
        if name == nil, case .hostPort(let host, _) = place { name = host }
        // A numeric address can't be a server name indication; the certificate is still checked against it.
        if let given = name, (try? SocketAddress(ipAddress: given, port: 0)) != nil { name = nil }
        try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: context, serverHostname: name))
    }

    // MARK: The greeting

    private func greet(
        _ channel: any Channel, _ handler: NIOLoopBound<WireHandler>, _ address: RedisAddress
    ) async throws -> RedisServerInfo {
        let deadline = NIODeadline.now() + TimeAmount(connectTimeout)
        func send(_ commands: [RedisCommand]) async throws -> [RedisValue] {
            let exchange = Exchange(commands, deadline: deadline)
            channel.eventLoop.execute { handler.value.send(exchange) }
            return try await exchange.replies()
        }
        var credentials = address.credentials ?? credentials
        if credentials != nil, logsInWhereAsked {
            let reply = try await send([RedisCommand("PING")])[0]
            let isAsked = if case .error(let error) = reply { error.prefix == "NOAUTH" } else { false }
            if !isAsked { credentials = nil }
        }
        var info = RedisServerInfo()
        if !usesRESP2 {
            var hello = RedisCommand("HELLO", 3)
            if let credentials { hello.append(contentsOf: ["AUTH", credentials.user, credentials.password]) }
            if let name { hello.append(contentsOf: ["SETNAME", name]) }
            let reply = try await send([hello])[0]
            switch reply {
            case .error(let error) where error.isNotSupported || error.prefix == "NOPROTO":
                // Older than RESP3.
                break
            case .error(let error): throw error
            default:
                info.protocolVersion = 3
                info.server = reply["server"]?.text ?? ""
                info.version = reply["version"]?.text ?? ""
            }
        }
        var rest: [RedisCommand] = []
        if info.protocolVersion == 2 {
            if let credentials {
                let isDefault = credentials.user == "default"
                rest.append(
                    RedisCommand("AUTH", words: (isDefault ? [] : [credentials.user]) + [credentials.password]))
            }
            if let name { rest.append(RedisCommand("CLIENT", "SETNAME", name)) }
        }
        let database = address.database ?? database
        if database != 0 { rest.append(RedisCommand("SELECT", database)) }
        let needed = rest.count
        // Servers before 7.2 don't know it, which is no matter.
        rest.append(RedisCommand("CLIENT", "SETINFO", "LIB-NAME", "martlet"))
        for reply in try await send(rest).prefix(needed) { _ = try reply.get() }
        return info
    }
}

extension RedisTLS {
    func makeContext() throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        if let trustRootsFile { configuration.trustRoots = .file(trustRootsFile) }
        if let certificateChainFile, let privateKeyFile {
            configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(certificateChainFile)
                .map { .certificate($0) }
            configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: privateKeyFile, format: .pem))
        }
        if skipsVerification { configuration.certificateVerification = .none }
        return try NIOSSLContext(configuration: configuration)
    }
}
