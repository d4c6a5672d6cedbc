// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Logging

/// `martlet server`, and what the binary is when it is called as `etcd`.
///
/// The flags are etcd's, which the argument parser can't read: one dash counts as two, and the last of several wins.
/// It hands all of them on.
struct ServerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "server",
        abstract: "Run the key-value server: etcd's protocol, etcd's flags.",
        discussion: ServerHelp.text)

    @Argument(parsing: .captureForPassthrough, help: "etcd's flags; see the list above.")
    var flags: [String] = []

    mutating func run() async throws {
        let code = await Self.run(flags)
        if code != 0 { throw ExitCode(code) }
    }

    /// Runs a server until SIGTERM or SIGINT.
    ///
    /// - Returns: The exit code.
    static func run(_ arguments: [String]) async -> Int32 {
        let options: ServerOptions
        do throws(ServerFlagError) {
            let flags = try ServerFlags(arguments: arguments, environment: ProcessInfo.processInfo.environment)
            if flags.wantsHelp {
                StandardStream.output.writeLine("OVERVIEW: " + ServerHelp.text)
                return 0
            }
            if flags.wantsVersion {
                StandardStream.output.writeLine(ServerHelp.versionLines)
                return 0
            }
            options = try ServerOptions(flags)
        } catch {
            StandardStream.error.writeLine("martlet server: \(error)\nSee 'martlet server --help'.")
            return error.exitCode
        }
        let logger = logger(options)
        let ending = await Ending()
        do {
            let server = try await ServerRun.start(options, logger: logger) { _ in ending.end(.failed) }
            let reason = await ending.wait()
            switch reason {
            case .signal(let name, _):
                logger.info("received signal; shutting down", metadata: ["signal": "\(name)"])
            case .failed, .inputEnded, nil: break
            }
            await server.stop()
            if case .failed = reason { return 1 }
            return 0
        } catch {
            logger.critical("\(error)")
            return 1
        }
    }

    /// The server's log on standard error.
    static func logger(_ options: ServerOptions) -> Logger {
        let format = options.logFormat ?? (StandardStream.error.isTerminal ? .console : .json)
        return Logger(label: "martlet.server") { _ in EventLog(format: format, level: options.logLevel.level) }
    }
}
