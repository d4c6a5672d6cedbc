// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import MartletEtcdSnapshot
import MartletNode

/// `martlet snapshot status`
struct SnapshotStatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Say how much a snapshot holds, and its hash.",
        discussion: """
            With -w simple, the form without -w: hash, revision, total keys, total size, and of a file that etcd 3.6 or
            Martlet saved its version.
            """)

    @Argument(help: ArgumentHelp("The snapshot.", valueName: "file"))
    var file: String

    @Option(name: [.customShort("w"), .customLong("write-out")], help: "The form: simple, table, json or fields.")
    var form = "simple"

    mutating func run() throws {
        guard let form = SnapshotStatusText.Form(rawValue: form) else {
            let reason = form == "protobuf" ? "protobuf not supported as output format" : "unsupported output format"
            StandardStream.error.writeLine("Error: " + reason)
            throw ExitCode(4)
        }
        guard FileManager.default.fileExists(atPath: file) else {
            throw CommandFailure("stat \(file): no such file or directory")
        }
        let status: EtcdSnapshotStatus
        do {
            status = try EtcdSnapshotReader(SnapshotFileImage(path: file)).status()
        } catch {
            throw CommandFailure("\(error)")
        }
        for line in SnapshotStatusText(status).lines(form) { StandardStream.output.writeLine(line) }
    }
}
