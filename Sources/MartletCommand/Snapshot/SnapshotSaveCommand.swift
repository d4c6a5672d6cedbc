// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import MartletNode

/// `martlet snapshot save`
struct SnapshotSaveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "save", abstract: "Save the whole store of one server to a file.",
        discussion: """
            The file is written as FILE.part, checked against its SHA-256, and renamed when it is on disk.
            """)

    @Argument(help: ArgumentHelp("The file to write.", valueName: "file"))
    var file: String

    @Option(
        help: ArgumentHelp(
            "The server, of Martlet or etcd: one host:port.",
            discussion: "Without it ETCDCTL_ENDPOINTS counts, else 127.0.0.1:2379.", valueName: "address"))
    var endpoints: String?

    mutating func run() async throws {
        let text = endpoints ?? ProcessInfo.processInfo.environment["ETCDCTL_ENDPOINTS"] ?? "127.0.0.1:2379"
        let servers = text.split(separator: ",").map { String($0.trimmed) }
        guard servers.count == 1 else {
            throw CommandFailure("snapshot must be requested to one selected node, not multiple [\(text)]")
        }
        var save = try SnapshotSave(to: file)
        do {
            let version = try await SnapshotDownload.run(from: servers[0]) { try save.append($0) }
            try save.finish()
            StandardStream.output.writeLine("Snapshot saved at \(file)")
            if !version.isEmpty { StandardStream.output.writeLine("Server version \(version)") }
        } catch {
            save.discard()
            throw CommandFailure("\(error)")
        }
    }
}
