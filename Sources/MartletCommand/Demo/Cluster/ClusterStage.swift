// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletEtcdClient
import MartletProcesses
import NIOCore
import NIOPosix

/// The members and files of the demonstration of clusters, and their end.
final class ClusterStage {
    struct Place {
        var name: String
        var clientPort: Int
        var peerPort: Int

        var endpoint: String { "127.0.0.1:\(clientPort)" }
    }

    let places: [Place]
    private let breaksAck: Bool
    private let executable = SpawnRequest.ownExecutable()
    private let folder: URL
    private var children: [String: ChildProcess] = [:]
    private var former: [ChildProcess] = []
    private(set) var kills: [String: Int] = [:]

    private static let endLimit = Duration.seconds(5)

    init(breaksAck: Bool) async throws {
        self.breaksAck = breaksAck
        var places: [Place] = []
        for number in 1...ClusterPlan.members {
            places.append(
                Place(name: "m\(number)", clientPort: try await Self.freePort(), peerPort: try await Self.freePort()))
        }
        self.places = places
        let name = "martlet-demo-\(ProcessInfo.processInfo.processIdentifier)-\(UInt32.random(in: 0...UInt32.max))"
        folder = FileManager.default.temporaryDirectory.appendingPathComponent(name, isDirectory: true)
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    }

    /// A port that was free a moment ago: a member must come back where it was.
    private static func freePort() async throws -> Int {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = channel.localAddress?.port
        try await channel.close().get()
        guard let port else { throw ChannelError.unknownLocalAddress }
        return port
    }

    var endpoints: [String] { places.map(\.endpoint) }

    func start(_ place: Place) throws {
        if let old = children[place.name] { former.append(old) }
        let cluster = places.map { "\($0.name)=http://127.0.0.1:\($0.peerPort)" }.joined(separator: ",")
        children[place.name] = try ChildProcess.start(
            executable,
            [
                "demo-cluster-member", "--folder", folder.path, "--as", place.name,
                "--client-port", "\(place.clientPort)", "--peer-port", "\(place.peerPort)", "--cluster", cluster,
            ] + (breaksAck ? ["--break-ack"] : []),
            environment: ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("ETCD_") },
            errorFile: logFile(place.name), onLine: { _ in }, onExit: { _ in })
    }

    private func logFile(_ name: String) -> String { folder.appendingPathComponent("\(name).log").path }

    /// Kills members at one moment, and returns when they are dead.
    func kill(_ names: [String]) async {
        for name in names {
            children[name]?.send(SIGSTOP)
            kills[name, default: 0] += 1
        }
        let processes = names.compactMap { children[$0] }
        for process in processes { process.send(SIGKILL) }
        _ = await hasEnded(processes)
    }

    func isRunning(_ name: String) -> Bool { children[name].map { !$0.hasEnded } ?? false }

    /// A member that has ended by itself.
    var failed: String? { places.map(\.name).first { children[$0] != nil && !isRunning($0) } }

    /// The last lines that a process wrote to its log.
    func logTail(of name: String) -> [String] {
        guard let text = try? String(contentsOfFile: logFile(name), encoding: .utf8) else { return [] }
        return text.split(separator: "\n").suffix(4).map(String.init)
    }

    /// Ends what runs, and removes the files.
    ///
    /// - Returns: What is still there.
    func strike() async -> [String] {
        let all = Array(children.values) + former
        for child in all { child.send(SIGKILL) }
        _ = await hasEnded(all)
        try? FileManager.default.removeItem(at: folder)
        var left = all.filter { !$0.hasEnded }.map { "process \($0.processID)" }.sorted()
        if FileManager.default.fileExists(atPath: folder.path) { left.append(folder.path) }
        return left
    }

    private func hasEnded(_ group: [ChildProcess]) async -> Bool {
        let end = ContinuousClock.now + Self.endLimit
        while group.contains(where: { !$0.hasEnded }) {
            if ContinuousClock.now >= end { return false }
            // Not interrupted: what was started must be ended, whatever happens to this task.
            await Task { try? await Task.sleep(for: .milliseconds(5)) }.value
        }
        return true
    }
}
