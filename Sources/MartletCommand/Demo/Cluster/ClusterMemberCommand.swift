// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Logging
import MartletEtcdServer
import MartletStorage

/// A member of the demonstration: `martlet server` that ends with its parent.
struct ClusterMemberCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo-cluster-member", abstract: "A member of the demonstration of clusters.",
        shouldDisplay: false)

    /// The demonstration's files, which the parent removes, or this process if the parent can't any more.
    @Option var folder: String
    @Option(name: .customLong("as")) var name: String
    @Option var clientPort: Int
    @Option var peerPort: Int
    @Option var cluster: String
    @Flag var breakAck = false

    mutating func run() async throws {
        let ending = await Ending(watchesInput: true)
        let flags = try ServerFlags(arguments: [
            "--name=\(name)", "--data-dir=\(folder)/\(name)", "--log-format=console",
            "--listen-client-urls=http://127.0.0.1:\(clientPort)",
            "--advertise-client-urls=http://127.0.0.1:\(clientPort)",
            "--listen-peer-urls=http://127.0.0.1:\(peerPort)",
            "--initial-advertise-peer-urls=http://127.0.0.1:\(peerPort)", "--initial-cluster=\(cluster)",
        ])
        var options = try ServerOptions(flags)
        // The disk lies of the log alone: beside a checkpoint that is ahead of it a member would find that out and not
        // start, and nobody could tell what is lost.
        if breakAck { options.store.checkpointInterval = .seconds(86_400) }
        let logger = try ServerCommand.logger(options)
        let files: any LogFileSystem = breakAck ? LateFileSystem() : PosixFileSystem()
        // Its parent may end, or tell it to, while it still waits for the others.
        let starting = Task {
            try await ServerRun.start(options, logger: logger, logFiles: files) { _ in ending.end(.failed) }
        }
        let failing = Task {
            do { _ = try await starting.value } catch {
                logger.critical("\(error)")
                ending.end(.failed)
            }
        }
        let reason = await ending.wait()
        failing.cancel()
        if case .inputEnded = reason { try? FileManager.default.removeItem(atPath: folder) }
        if case .failed = reason { throw ExitCode(1) }
        // Without a farewell: what a member keeps when it is killed is what is shown here.
        Ending.endProcess()
    }
}
