// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CMartletPosix
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

    /// Runs a server until SIGTERM or SIGINT. These end the process in the end, when all is put away, as they end
    /// etcd: whoever waits for it sees the signal, a shell 143 or 130. Process 1, which no signal ends, returns 0.
    ///
    /// - Returns: The exit code.
    static func run(_ arguments: [String]) async -> Int32 {
        martlet_tune_memory()
        OpenFiles.raiseLimit()
        let options: ServerOptions
        let logger: Logger
        do throws(ServerFlagError) {
            let flags = try ServerFlags(
                arguments: arguments, environment: ProcessInfo.processInfo.environment, readFile: text)
            if flags.wantsHelp {
                StandardStream.output.writeLine("OVERVIEW: " + ServerHelp.text)
                return 0
            }
            if flags.wantsVersion {
                StandardStream.output.writeLine(ServerHelp.versionLines)
                return 0
            }
            options = try ServerOptions(flags)
            logger = try self.logger(options)
        } catch {
            complain(error)
            return error.exitCode
        }
        logger.info("Running: ", metadata: ["args": .array(CommandLine.arguments.map { .string($0) })])
        let ending = await Ending()
        return await withTaskGroup(of: Step.self) { steps in
            steps.addTask {
                do {
                    return .started(try await ServerRun.start(options, logger: logger) { _ in ending.end(.failed) })
                } catch {
                    return .notStarted(error)
                }
            }
            steps.addTask { .ended(await ending.wait()) }
            var server: ServerRun?
            while let step = await steps.next() {
                switch step {
                case .started(let started): server = started
                case .notStarted(let error):
                    logger.critical("\(error)")
                    steps.cancelAll()
                    return 1
                case .ended(let reason):
                    // A member that can't begin says why itself.
                    if server == nil, case .failed = reason { continue }
                    return await end(server, reason, logger)
                }
            }
            return 1
        }
    }

    private enum Step: Sendable {
        case started(ServerRun)
        case notStarted(any Error)
        case ended(Ending.Reason?)
    }

    /// - Parameter server: nil where it still waits for the other members: what it has, is on disk.
    private static func end(_ server: ServerRun?, _ reason: Ending.Reason?, _ logger: Logger) async -> Int32 {
        if case .signal(let name, _) = reason {
            logger.info("received signal; shutting down", metadata: ["signal": "\(name)"])
        }
        await server?.stop()
        switch reason {
        case .signal(_, let number): Ending.endProcess(by: number)
        case .failed: return 1
        case .inputEnded, nil: break
        }
        // Nothing ends the wait for the other members but the process's end.
        if server == nil { Ending.endProcess() }
        return 0
    }

    /// The server's log, where its options want it.
    static func logger(_ options: ServerOptions) throws(ServerFlagError) -> Logger {
        var files: [LogFile] = []
        for case .file(let path) in options.logOutputs.outputs {
            do {
                files.append(try LogFile(path: path, rotation: options.logOutputs.rotation))
            } catch {
                throw .conflict("\(error)")
            }
        }
        var streams: [StandardStream] = []
        if options.logOutputs.outputs.contains(.error) { streams.append(.error) }
        if options.logOutputs.outputs.contains(.output) { streams.append(.output) }
        let isForPeople = files.isEmpty && streams.allSatisfy { $0.isTerminal }
        let format = options.logFormat ?? (isForPeople ? .console : .json)
        let level = options.logLevel.level
        return Logger(label: "martlet.server") { [files, streams] _ in
            EventLog(format: format, level: level) { line in
                for stream in streams { stream.write(line) }
                for file in files { file.write(line) }
            }
        }
    }

    /// Says why there is no server: as Go's `flag` does where the command line can't be read, else as etcd logs it.
    private static func complain(_ error: ServerFlagError) {
        guard !error.isUsage else {
            return StandardStream.error.writeLine("\(error)\n\(ServerHelp.usage)")
        }
        let format: LogSetting.Format = StandardStream.error.isTerminal ? .console : .json
        let logger = Logger(label: "martlet.server") { _ in EventLog(format: format, level: .info) }
        if case .shadowed(let variable) = error {
            logger.critical(
                """
                conflicting environment variable is shadowed by corresponding command-line flag \
                (either unset environment variable or disable flag))
                """, metadata: ["environment-variable": "\(variable)"])
        } else {
            logger.warning("failed to verify flags", metadata: ["error": "\(error)"])
        }
    }

    /// Longer than any settings are.
    private static let maximumFileBytes = 1 << 20

    private static func text(_ path: String) throws(ServerFlagError) -> String {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw .conflict(FileFailure(verb: "open", path: path).description)
        }
        let bytes = (try? file.read(upToCount: maximumFileBytes + 1)) ?? nil
        guard let bytes else { throw .conflict("read \(path): not a file") }
        guard bytes.count <= maximumFileBytes else {
            throw .conflict("\(path) is larger than \(maximumFileBytes) bytes")
        }
        guard let text = String(bytes: bytes, encoding: .utf8) else {
            throw .conflict("error converting YAML to JSON: yaml: invalid UTF-8")
        }
        return text
    }
}
