// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import MartletNode
import MartletProcesses
import MartletRaft
import MartletRedisServer
import MartletReplica
import MartletTestPrograms
import MartletWALCodec
import NIOCore
import NIOPosix
import Synchronization

/// A server that clients are tried against.
package final class RedisPeer: Sendable {
    /// Which server it is.
    package enum Kind: String, CaseIterable, Sendable, CustomStringConvertible {
        /// Martlet's, in this process, in memory alone.
        case memory = "Martlet in memory"
        /// Martlet's, in this process, with a folder.
        case folder = "Martlet with a folder"
        /// The original.
        case redis = "Redis"

        package var description: String { rawValue }

        /// Those that are on this machine; all, where tests are to fail for want of one.
        package static let available = allCases.filter {
            $0 != .redis || program != nil || ProcessInfo.processInfo.environment["MARTLET_REQUIRE_PEERS"] == "1"
        }

        /// The original's program, or `nil` where there is none.
        package static let program: String? = ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"]
            .map { "\($0)/redis-server" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    package let kind: Kind
    package let port: Int
    private let running: Mutex<Running?>
    private let folder: TemporaryFolder
    private let password: String?

    private enum Running: Sendable {
        case own(OwnServer)
        case process(ChildProcess)
    }

    package var address: String { "127.0.0.1:\(port)" }
    /// Where the original listens beside its port; Martlet's does after `listenOnSocket`.
    package var socketPath: String { folder.file("socket") }

    private init(_ kind: Kind, port: Int, folder: TemporaryFolder, password: String?) {
        self.kind = kind
        self.port = port
        self.folder = folder
        self.password = password
        running = Mutex(nil)
    }

    /// Runs `body` beside a fresh server and ends it.
    package static func with<Result>(
        _ kind: Kind, password: String? = nil, _ body: (RedisPeer) async throws -> Result
    ) async throws -> Result {
        let peer = RedisPeer(kind, port: try freePort(), folder: try TemporaryFolder(), password: password)
        do {
            try await peer.start()
            let result = try await body(peer)
            await peer.stop()
            return result
        } catch {
            await peer.stop()
            throw error
        }
    }

    /// Starts it, with the data that its folder has.
    package func start() async throws {
        switch kind {
        case .memory: running.withLock { $0 = nil }
        case .folder, .redis: break
        }
        let started: Running =
            switch kind {
            case .memory:
                .own(try await OwnServer.start(port: port, folder: nil, socket: socketPath, password: password))
            case .folder:
                .own(
                    try await OwnServer.start(
                        port: port, folder: folder.file("data"), socket: socketPath, password: password))
            case .redis: .process(try await startOriginal())
            }
        running.withLock { $0 = started }
    }

    private func startOriginal() async throws -> ChildProcess {
        guard let program = Kind.program else { throw ProgramFailure(description: "no redis-server") }
        var arguments = [
            "--port", "\(port)", "--bind", "127.0.0.1", "--dir", folder.path, "--save", "", "--appendonly", "yes",
            "--appendfsync", "always", "--unixsocket", socketPath,
        ]
        if let password { arguments += ["--requirepass", password] }
        let process = try ChildProcess.start(
            program, arguments, environment: ProcessInfo.processInfo.environment, errorFile: "/dev/null",
            onLine: { _ in }, onExit: { _ in })
        let isUp = try await eventually { try await Self.answers(port) }
        guard isUp else {
            process.send(SIGKILL)
            throw ProgramFailure(description: "redis-server doesn't answer")
        }
        return process
    }

    private static func answers(_ port: Int) async throws -> Bool {
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: "127.0.0.1", port: port).get()
            try await channel.close().get()
            return true
        } catch {
            return false
        }
    }

    /// Ends it at once; what its folder has stays.
    package func stop() async {
        let ending = running.withLock { running in
            defer { running = nil }
            return running
        }
        switch ending {
        case .own(let server): await server.stop()
        case .process(let process):
            process.send(SIGKILL)
            while !process.hasEnded { try? await Task.sleep(for: .milliseconds(5)) }
        case nil: break
        }
    }

    /// Stops it as a debugger would, where it is a process of its own.
    package func freeze() {
        if case .process(let process) = running.withLock({ $0 }) { process.freeze() }
    }
}

/// Martlet's server in this process.
private final class OwnServer: Sendable {
    private let group: MultiThreadedEventLoopGroup
    private let server: RedisServer
    private let member: NIOLoopBound<Member>?

    private init(_ group: MultiThreadedEventLoopGroup, _ server: RedisServer, _ member: NIOLoopBound<Member>?) {
        self.group = group
        self.server = server
        self.member = member
    }

    static func start(port: Int, folder: String?, socket: String, password: String?) async throws -> OwnServer {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        var configuration = RedisServerConfiguration()
        configuration.password = password.map { Array($0.utf8) }
        var member: NIOLoopBound<Member>?
        if let folder { member = try await self.member(folder, loop) }
        let engineMember = member
        let server = try await RedisServer.start(configuration, on: loop) { loop in
            if let engineMember { return MemberEngine(engineMember.value) }
            return InMemoryEngine(loop: loop)
        }
        // Connections of others may have the port for a moment: the server comes back where it was.
        var attempts = 0
        while true {
            do {
                _ = try await server.bind(host: "127.0.0.1", port: port)
                break
            } catch {
                attempts += 1
                guard attempts < 100 else { throw error }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        _ = try await server.bind(unixSocket: socket)
        return OwnServer(group, server, member)
    }

    private static func member(_ folder: String, _ loop: any EventLoop) async throws -> NIOLoopBound<Member> {
        let replica = ReplicaConfiguration(
            member: MemberID(7), name: "default", clientURLs: [], peerURLs: ["http://localhost:2380"], seed: 1)
        let data = try DataFolder(path: folder).open(
            replica, new: WALMetadata(memberID: 7, clusterID: 5),
            at: Moment(monotonic: .zero, wallMilliseconds: Member.wallMilliseconds()))
        let member = try await loop.submit {
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            return NIOLoopBound(
                Member(
                    data.replica, data: data, configuration: MemberConfiguration(), logger: logger, eventLoop: loop),
                eventLoop: loop)
        }.get()
        try await loop.flatSubmit {
            loop.makeCompletedFuture(withResultOf: { try member.value.start() }).flatMap { member.value.ready }
        }.get()
        return member
    }

    func stop() async {
        await server.close()
        if let member { try? await group.next().flatSubmit { member.value.stop() }.get() }
        try? await group.shutdownGracefully()
    }
}
