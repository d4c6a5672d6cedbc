// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletAuth
import MartletNode
import MartletRESPClient
import MartletRaft
import MartletRedisServer
import MartletReplica
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// Users of the auth service at a server whose member asks them who they are. Passwords are "right" for all.
@Suite(.timeLimit(.minutes(30))) struct ServiceUserTests {
    /// A member in memory, with root, and ann, who reads and writes what begins with an a.
    private final class Place: Sendable {
        let member: NIOLoopBound<Member>
        private let lines = LogLines()
        /// Logins that wait until the test lets them go on; none while nil.
        let held = Mutex<[@Sendable () -> Void]?>(nil)

        var log: [String] { lines.all }

        init(_ loop: any EventLoop) async throws {
            let lines = lines
            member = try await loop.submit {
                let configuration = ReplicaConfiguration(
                    member: MemberID(7), name: "default", clientURLs: [], peerURLs: ["http://localhost:2380"], seed: 1)
                let logger = Logger(label: "test") { _ in LinesHandler(lines: lines) }
                let member = Member(
                    inMemory: configuration, configuration: MemberConfiguration(), logger: logger, eventLoop: loop)
                return NIOLoopBound(member, eventLoop: loop)
            }.get()
            let bound = member
            try await loop.flatSubmit {
                loop.makeCompletedFuture(withResultOf: {
                    bound.value.checkPassword = { [self] password, hash, answer in
                        let isRight = hash != nil && password == Array("right".utf8)
                        let bound = NIOLoopBound(answer, eventLoop: loop)
                        let end: @Sendable () -> Void = { loop.execute { bound.value(isRight) } }
                        held.withLock { held in
                            if held == nil { end() } else { held!.append(end) }
                        }
                        return true
                    }
                    try bound.value.start()
                }).flatMap { bound.value.ready }
            }.get()
            for request: AuthRequest in [
                .userAdd(name: "root", hash: "aGFzaA==", options: nil), .userGrantRole(user: "root", role: "root"),
                .roleAdd(name: "r"),
                .roleGrantPermission(
                    name: "r", permission: AuthPermission(.readWrite, key: Array("a".utf8), rangeEnd: Array("b".utf8))),
                .userAdd(name: "ann", hash: "aGFzaA==", options: nil), .userGrantRole(user: "ann", role: "r"),
            ] { try await change(request) }
        }

        func change(_ request: AuthRequest) async throws {
            let member = member
            try await member.eventLoop.flatSubmit {
                let done = member.eventLoop.makePromise(of: Void.self)
                member.value.propose(Write(.auth(request), identity: member.value.ownIdentity)) { result in
                    switch result {
                    case .success: done.succeed()
                    case .failure(let error): done.fail(error)
                    }
                }
                return done.futureResult
            }.get()
        }
    }

    private static func withPlace(_ body: (Place, Int) async throws -> Void) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let place = try await Place(loop)
        let bound = place.member
        let server = try await RedisServer.start(on: loop) { _ in MemberEngine(bound.value) }
        var failure: (any Error)?
        do {
            let address = try await server.bind(host: "127.0.0.1", port: 0)
            try await body(place, try #require(address.port))
        } catch {
            failure = error
        }
        await server.close()
        try await loop.flatSubmit { bound.value.stop() }.get()
        try await group.shutdownGracefully()
        if let failure { throw failure }
    }

    @Test func logsInBesideTheLoop() async throws {
        try await Self.withPlace { place, port in
            try await place.change(.enable)
            place.held.withLock { $0 = [] }
            try await RawClient.with(port: port) { (client) async throws in
                try await client.send("AUTH ann right\r\nXADD a 1-0 f v\r\nHELLO 3 AUTH ann wrong\r\nACL WHOAMI\r\n")
                // Others go on meanwhile.
                try await RawClient.with(port: port) { (other) async throws in
                    #expect(try await other.run("PING") == "-NOAUTH Authentication required.")
                }
                while place.held.withLock({ $0!.isEmpty }) { try await Task.sleep(for: .milliseconds(2)) }
                place.held.withLock { held in
                    for end in held! { end() }
                    held = nil
                }
                var replies: [String] = []
                for _ in 0..<4 { replies.append(try await client.next().map { text($0) } ?? "closed") }
                #expect(
                    replies == [
                        "+OK", "1-0", "-WRONGPASS invalid username-password pair or user is disabled.", "ann",
                    ])
            }
        }
    }

    @Test func whatIsLostIsLostAtOnce() async throws {
        try await Self.withPlace { place, port in
            try await RawClient.with(port: port) { (stranger) async throws in
                #expect(try await stranger.run("SET a v") == "+OK")
                try await place.change(.enable)
                // It says nothing, and is closed all the same.
                #expect(try await stranger.next() == nil)
            }
            try await RawClient.with(port: port) { (client) async throws in
                #expect(try await client.run("AUTH ann right") == "+OK")
                #expect(try await client.run("GET a") == "v")
                try await place.change(
                    .roleRevokePermission(role: "r", key: Array("a".utf8), rangeEnd: Array("b".utf8)))
                #expect(try await client.run("GET a") == "-NOPERM No permissions to access a key")
                try await place.change(.userDelete(name: "ann"))
                #expect(try await client.next() == nil)
            }
        }
    }

    @Test func whoMayNotHearIsSentAway() async throws {
        try await Self.withPlace { place, port in
            try await place.change(.enable)
            try await RawClient.with(port: port) { (listener) async throws in
                #expect(try await listener.run("AUTH ann right") == "+OK")
                #expect(try await listener.run("SUBSCRIBE abc") == "[subscribe, abc, :1]")
                try await place.change(.userRevokeRole(name: "ann", role: "r"))
                #expect(try await listener.next() == nil)
            }
        }
    }

    @Test func denialsAreLines() async throws {
        try await Self.withPlace { place, port in
            try await place.change(.enable)
            try await RawClient.with(port: port) { (client) async throws in
                _ = try await client.run("GET a")
                _ = try await client.run("AUTH ann guess")
                #expect(try await client.run("AUTH ann right") == "+OK")
                for command in ["SET x v", "XADD \"b\\n\" * f secret", "CONFIG GET *", "SUBSCRIBE x", "GET a"] {
                    _ = try await client.run(command)
                }
                _ = try await client.run("MULTI")
                _ = try await client.run("DEL x")
                #expect(try await client.run("EXEC").hasPrefix("-EXECABORT"))
            }
            let lines = place.log.filter { $0.hasPrefix("warning request denied") }
            func has(_ parts: String...) -> Bool { lines.contains { line in parts.allSatisfy { line.contains($0) } } }
            #expect(lines.count == 7, "\(lines)")
            #expect(lines.allSatisfy { $0.contains("protocol=redis") && $0.contains("peer=127.0.0.1:") })
            #expect(has("user=", "request=get", "reason=not logged in"))
            #expect(has("request=auth", "login=ann", "reason=wrong user or password"))
            #expect(has("user=ann", "request=set", "key=x", "reason=no permission for the key"))
            #expect(has("user=ann", "request=xadd", "key=b\\x0a"))
            #expect(has("user=ann", "request=config|get", "reason=no permission for the command"))
            #expect(has("user=ann", "request=subscribe", "key=x", "reason=no permission for the channel"))
            #expect(has("user=ann", "request=del", "key=x"))
            #expect(!place.log.contains { $0.contains("guess") || $0.contains("secret") || $0.contains("right") })
        }
    }

    @Test func linesAreBounded() async throws {
        try await Self.withPlace { place, port in
            try await place.change(.enable)
            try await RawClient.with(port: port) { (client) async throws in
                #expect(try await client.run("AUTH ann right") == "+OK")
                for _ in 0..<200 { _ = try await client.run("GET x") }
            }
            #expect(place.log.count { $0.contains("request denied") } == AuditThrottle.linesPerMinute)
        }
    }
}

private final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])
    func add(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
}

/// Keeps level, message, and names and values in order of names.
private struct LinesHandler: LogHandler {
    let lines: LogLines
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]

    init(lines: LogLines) {
        self.lines = lines
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let fields = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        lines.add("\(event.level) \(event.message) \(fields.joined(separator: " "))")
    }
}
