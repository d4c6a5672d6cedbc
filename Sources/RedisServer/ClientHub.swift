// SPDX-License-Identifier: Apache-2.0

import MartletKeyspace
import MartletRESPCodec
import NIOCore

/// Figures since the server began, or since CONFIG RESETSTAT.
struct ServerStatistics {
    var connections: UInt64 = 0
    var rejectedConnections: UInt64 = 0
    var commands: UInt64 = 0
    var inputBytes: UInt64 = 0
    var outputBytes: UInt64 = 0
}

/// What the connections of one server share. Confined to their loop.
final class ClientHub: KeyspaceClients {
    let configuration: RedisServerConfiguration
    let engine: any KeyspaceEngine
    let loop: any EventLoop
    let startedAt = NIODeadline.now()
    var statistics = ServerStatistics()
    var calls = CommandStatistics()
    var memory = MemoryFigures()
    var settings = ServerSettings()
    private var nextClient: UInt64 = 1
    /// By ID: which rises, so that the order is that of arrival.
    private(set) var connections: [UInt64: RESPConnection] = [:]
    private var monitors: [UInt64] = []
    var subscriptions = Subscriptions()
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
        engine.clients = self
    }

    // MARK: Connections

    /// Sets up an accepted channel.
    func accept(_ channel: any Channel) throws {
        statistics.connections += 1
        guard connections.count < configuration.clients else {
            statistics.rejectedConnections += 1
            let text = channel.allocator.buffer(string: "-ERR max number of clients reached\r\n")
            channel.writeAndFlush(text).whenComplete { _ in channel.close(promise: nil) }
            return
        }
        let connection = RESPConnection(hub: self, id: nextClient, channel: channel)
        connections[nextClient] = connection
        nextClient += 1
        try channel.pipeline.syncOperations.addHandler(connection)
    }

    func remove(_ connection: RESPConnection) {
        let id = connection.session.id
        guard connections.removeValue(forKey: id) != nil else { return }
        engine.remove(id)
        monitors.removeAll { $0 == id }
        subscriptions.remove(id)
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
