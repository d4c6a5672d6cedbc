// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import MartletProcesses

/// `martlet new NAME`
struct NewCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new",
        abstract: "Make a Swift package with a service, a client and a test.",
        discussion: """
            martlet new shop
            cd shop && swift test

            The package depends on the sources that this program was built from, unless it is told otherwise.
            """)

    @Argument(help: "The project's name, which is also the service's in the registry.")
    var name: String

    @Option(help: "The folder to make; by default the name, here.", completion: .directory)
    var folder: String?

    @Option(help: "The folder with Martlet's sources that the package depends on.", completion: .directory)
    var martletPath: String?

    @Option(help: "The repository of Martlet that the package depends on, instead of a folder.")
    var martletURL: String?

    @Option(help: "The repository's branch.")
    var martletBranch = "main"

    mutating func validate() throws {
        if let refusal = ProjectName.refusal(of: name) { throw ValidationError(refusal) }
        if martletPath != nil, martletURL != nil {
            throw ValidationError("--martlet-path and --martlet-url can't both be")
        }
    }

    mutating func run() throws {
        guard let projectName = ProjectName(name) else { return }
        let root = URL(filePath: folder ?? name)
        let existing = try? FileManager.default.contentsOfDirectory(atPath: root.path)
        guard existing?.isEmpty ?? true else { throw CommandFailure("\(root.path) exists and is not empty") }
        let dependency = try dependency()
        let identity = root.standardizedFileURL.lastPathComponent.lowercased()
        guard identity != dependency.folder.lowercased(), !TakenNames.packages.contains(identity) else {
            throw CommandFailure(
                "a package in a folder called \(root.lastPathComponent) can't depend on another that is called so, and "
                    + "Martlet or one that it depends on is: name another --folder")
        }
        let template = ProjectTemplate(projectName, dependency)
        for (path, text) in template.files {
            let file = root.appending(path: path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file, options: .withoutOverwriting)
            StandardStream.output.writeLine("  \(folder ?? name)/\(path)")
        }
        StandardStream.output.writeLine("")
        StandardStream.output.writeLine("cd \(folder ?? name) && swift test")
    }

    private func dependency() throws -> MartletDependency {
        if let martletURL { return .repository(martletURL, branch: martletBranch) }
        if let martletPath {
            let path = URL(filePath: martletPath).standardizedFileURL.path
            guard FileManager.default.fileExists(atPath: path + "/Package.swift") else {
                throw CommandFailure(
                    "\(path) holds no Package.swift: --martlet-path is the folder of Martlet's sources")
            }
            return .path(path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path)
        }
        if let path = MartletDependency.sources(ofProgram: SpawnRequest.ownExecutable()) { return .path(path) }
        throw CommandFailure("say where Martlet is: --martlet-path FOLDER or --martlet-url REPOSITORY")
    }
}
