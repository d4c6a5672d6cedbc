// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MartletEtcdClient
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

    @OptionGroup var server: SnapshotServerOption

    mutating func run() async throws {
        let client = try server.makeClient()
        do {
            let version = try await save(from: client)
            StandardStream.output.writeLine("Snapshot saved at \(file)")
            if !version.isEmpty { StandardStream.output.writeLine("Server version \(version)") }
            await client.close()
        } catch {
            await client.close()
            throw CommandFailure((error as? EtcdError)?.message ?? "\(error)")
        }
    }

    /// - Returns: the version of the server's data; empty where it doesn't tell.
    private func save(from client: EtcdClient) async throws -> String {
        var save = try SnapshotSave(to: file)
        do {
            let version = try await client.maintenance.snapshot { try save.append($0) }.version
            try save.finish()
            return version
        } catch {
            save.discard()
            throw error
        }
    }
}
