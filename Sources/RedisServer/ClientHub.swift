// SPDX-License-Identifier: Apache-2.0

import MartletKeyspace
import MartletRESPCodec
import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Figures since the server began, or since CONFIG RESETSTAT.
struct ServerStatistics {
    var connections: UInt64 = 0
    var rejectedConnections: UInt64 = 0
    var commands: UInt64 = 0
    var lookups = KeyLookups()
    var inputBytes: UInt64 = 0
    var outputBytes: UInt64 = 0
    /// Of clients that left too much unread, and of those whose requests were too long.
    var outputDisconnections: UInt64 = 0
    var queryDisconnections: UInt64 = 0
}

/// What the connections of one server share. Confined to their loop.
final class ClientHub: KeyspaceClients {
    let configuration: RedisServerConfiguration
    let engine: any KeyspaceEngine
    let loop: any EventLoop
    let startedAt = NIODeadline.now()
    /// Tells this run of the server from others. Source: Redis's `run_id`, its length included.
    let runID: String
    var statistics = ServerStatistics()
    var rates = ServerRates()
    var calls = CommandStatistics()
    var memory = MemoryFigures()
    var settings: ServerSettings
    /// Commands that take less need no note of how long they took.
    var notableNanoseconds: UInt64
    var slowLog: SlowLog
    var latencies = LatencyMonitor()
    var watch = ClientWatch()
    private var nextClient: UInt64 = 1
    /// By ID: which rises, so that the order is that of arrival.
    private(set) var connections: [UInt64: RESPConnection] = [:]
    private var monitors: [UInt64] = []
    var subscriptions = Subscriptions()
    var shardSubscriptions = Subscriptions()
    var accessLog = AccessLog()
    /// The version of the list of users in which all connections' users are known to be.
    var knownAccess = AccessControl.Version()
    private var answers: [CommandReply] = []
    private var isAnswering = false
    /// Of the last listener on TCP; 0: none.
    var tcpPort = 0

    init(configuration: RedisServerConfiguration, engine: any KeyspaceEngine, loop: any EventLoop) {
        self.configuration = configuration
        self.engine = engine
        self.loop = loop
        var random = SystemRandomNumberGenerator()
        runID = String((0..<40).map { _ in "0123456789abcdef".randomElement(using: &random) ?? "0" })
        settings = ServerSettings(configuration.limits)
        notableNanoseconds = settings.notableNanoseconds
        slowLog = SlowLog(keeping: settings.slowEntries)
        engine.clients = self
    }

    // MARK: Connections

    /// Sets up an accepted channel.
    func accept(_ channel: any Channel, _ identification: RedisServer.Identification? = nil) throws {
        statistics.connections += 1
        guard connections.count < settings.limits.clients else {
            statistics.rejectedConnections += 1
            // Who would first have to agree on keys isn't told: that is more than closing should take.
            if identification != nil { return channel.close(promise: nil) }
            let text = channel.allocator.buffer(string: "-ERR max number of clients reached\r\n")
            channel.writeAndFlush(text).whenComplete { _ in channel.close(promise: nil) }
            return
        }
        let connection = RESPConnection(
            hub: self, id: nextClient, channel: channel, identification: identification)
        connections[nextClient] = connection
        nextClient += 1
        keepAlive(channel)
        try channel.pipeline.syncOperations.addHandler(connection)
        watchNewcomer()
    }

    /// Has the kernel ask now and then whether a silent client is still there.
    private func keepAlive(_ channel: any Channel) {
        let seconds = settings.limits.keepaliveSeconds
        guard seconds > 0, let address = channel.remoteAddress, address.protocol != .unix,
            let options = channel.syncOptions
        else { return }
        // A third of the time between questions, and three of them. Source: Redis.
        let each = max(seconds / Self.keepaliveProbes, 1)
        try? options.setOption(.socketOption(.so_keepalive), value: 1)
        try? options.setOption(.tcpOption(Self.keepaliveTime), value: .init(min(seconds, Self.maximumKeepalive)))
        try? options.setOption(.tcpOption(.init(rawValue: TCP_KEEPINTVL)), value: .init(each))
        try? options.setOption(.tcpOption(.init(rawValue: TCP_KEEPCNT)), value: .init(Self.keepaliveProbes))
    }

    private static let keepaliveProbes = 3
    /// Source: Linux, which refuses more.
    private static let maximumKeepalive = 32_767
    #if canImport(Darwin)
    private static let keepaliveTime = NIOBSDSocket.Option(rawValue: TCP_KEEPALIVE)
    #else
    private static let keepaliveTime = NIOBSDSocket.Option(rawValue: TCP_KEEPIDLE)
    #endif

    func remove(_ connection: RESPConnection) {
        let id = connection.session.id
        guard connections.removeValue(forKey: id) != nil else { return }
        engine.remove(id)
        removeMonitor(id)
        forgetSubscriptions(of: connection.session)
    }

    func forgetSubscriptions(of session: Session) {
        subscriptions.remove(session.id, channels: session.channels, patterns: session.patterns)
        shardSubscriptions.remove(session.id, channels: session.shardChannels)
    }

    var connectionsInOrder: [RESPConnection] { connections.keys.sorted().compactMap { connections[$0] } }

    // MARK: From the engine

    func answer(_ reply: CommandReply) {
        answers.append(reply)
        // Answers may lead to commands that lead to answers: one after the other, not inside one another.
        if isAnswering { return }
        isAnswering = true
        var index = 0
        while index < answers.count {
            connections[answers[index].client]?.answer(answers[index])
            index += 1
        }
        answers = []
        isAnswering = false
        checkUsers()
    }

    func notify(_ events: [KeyEvent]) {
        for event in events where settings.notifications.contains(event.kind) {
            if settings.notifications.contains(.keyspace) {
                publish(Array("__keyspace@\(event.database)__:".utf8) + event.key, Array(event.name.utf8))
            }
            if settings.notifications.contains(.keyevent) {
                publish(Array("__keyevent@\(event.database)__:\(event.name)".utf8), event.key)
            }
        }
    }

    // MARK: Monitors

    var hasMonitors: Bool { !monitors.isEmpty }

    func addMonitor(_ connection: RESPConnection) {
        if !monitors.contains(connection.session.id) { monitors.append(connection.session.id) }
        connection.session.isMonitor = true
    }

    func removeMonitor(_ client: UInt64) { monitors.removeAll { $0 == client } }

    /// Commands whose words are nobody's business.
    private static let secret: Set<String> = ["acl", "auth", "hello"]

    func monitor(_ connection: RESPConnection, _ arguments: Arguments) {
        guard let entry = CommandTable.shared.entry(arguments), !entry.flags.contains(.admin),
            !Self.secret.contains(entry.name)
        else { return }
        let now = engine.now
        let fraction = String(now % 1000 * 1000 + 1_000_000).dropFirst()
        var line = "+\(now / 1000).\(fraction) [\(connection.session.database) \(connection.address)]"
        for index in 0..<arguments.count { line += " \"\(Self.escaped(arguments[index]))\"" }
        let bytes = Array((line + "\r\n").utf8)
        for id in monitors where id != connection.session.id { connections[id]?.push(bytes) }
    }

    private static func escaped(_ word: ArraySlice<UInt8>) -> String {
        var text = ""
        for byte in word {
            switch byte {
            case UInt8(ascii: "\\"), UInt8(ascii: "\""): text += "\\" + String(UnicodeScalar(byte))
            case 10: text += "\\n"
            case 13: text += "\\r"
            case 9: text += "\\t"
            case 7: text += "\\a"
            case 8: text += "\\b"
            case 32...126: text += String(UnicodeScalar(byte))
            default: text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
        return text
    }
}
