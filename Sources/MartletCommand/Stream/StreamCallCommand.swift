// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Martlet
import MartletGRPCWire

/// `martlet stream SERVICE ENDPOINT JSON…`
struct StreamCallCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "call",
        abstract: "Open a stream of a service, send it JSON and print what comes back.",
        discussion: """
            A service that is called like one of the other subcommands: martlet stream call SERVICE ENDPOINT.

            Requests are sent in their order, then the stream's sending half is closed; answers are printed as they
            come. With - each line of standard input is a request, sent when it is there: a conversation.

              martlet stream go.micro.server Greeter.Count '{"upto": 3}'
              martlet stream go.micro.server Greeter.Chat -
              martlet stream etcdserverpb.Watch Watch - --address 127.0.0.1:2379 --count 1

            Ctrl-C ends the stream. An error of the service is printed on standard error, and the exit code is 1.
            """)

    @Argument(help: "The service's name in the registry, or a gRPC service's full name.", completion: .services)
    var service: String

    @Argument(help: "Handler.Method; of a gRPC service also its Method alone.", completion: .endpoints)
    var endpoint: String

    @Argument(help: "The requests; a single - reads them from standard input, one a line.")
    var requests: [String] = ["{}"]

    @OptionGroup var connection: ConnectionOptions

    @Option(help: "End after so many answers.")
    var count: Int?

    @Option(help: "json, proto (by the server's reflection), or auto to try reflection where an --address is given.")
    var codec = CodecChoice.auto

    @OptionGroup var output: OutputOption

    mutating func validate() throws {
        if let count, count < 1 { throw ValidationError("--count is 1 or more") }
        guard requests != [StandardInput.name] else { return }
        for request in requests {
            if let problem = RequestJSON.problem(in: request) {
                throw ValidationError("the request \(problem)")
            }
        }
    }

    mutating func run() async throws {
        let access = try await ServiceAccess.find(service, connection)
        do {
            if codec.mayReflect(connection), let node = access.firstNode {
                let isDone = try await access.withWire(node) { wire in
                    let method = try await DescribedMethod.find(endpoint, of: service, wire, access.wireOptions())
                    guard let method else { return false }
                    try await wire.withStream(method.name.path, options: access.wireOptions(isStream: true)) { stream in
                        try await converse(stream, method.request, method.response)
                    }
                    return true
                }
                if isDone { return }
                try codec.requireReflection(node.address, service, endpoint)
            }
            let client = access.client()
            do {
                try await client.withEncodedStream(
                    service, endpoint, codec: .json, configure: { $0 = access.callOptions(isStream: true) }
                ) { stream in
                    try await converse(stream, { [UInt8]($0.utf8) }, { String(decoding: $0, as: UTF8.self) })
                }
                await client.close()
            } catch {
                await client.close()
                throw error
            }
        } catch {
            guard let text = CallErrorText.text(error) else { throw error }
            StandardStream.error.writeLine(text)
            throw ExitCode.failure
        }
    }

    /// Sends all requests and prints answers until the stream ends or enough have come.
    private func converse(
        _ stream: ClientStream, _ encode: @Sendable @escaping (String) throws -> [UInt8],
        _ decode: ([UInt8]) throws -> String
    ) async throws {
        let requests = requests
        // Both at once: a server may answer each request before it takes the next.
        let sending = Task {
            if requests == [StandardInput.name] {
                for await line in StandardInput.lines() { try await stream.write(try encode(line)) }
            } else {
                for request in requests { try await stream.write(try encode(request)) }
            }
            stream.finishWriting()
        }
        defer { sending.cancel() }
        // What can't be sent ends the stream; why is told instead of how the stream ended.
        let failing = Task {
            guard case .failure(let error) = await sending.result, error is CommandFailure else {
                return nil as CommandFailure?
            }
            stream.cancel()
            return error as? CommandFailure
        }
        var answers = 0
        do {
            while let message = try await stream.next() {
                let json = try decode(message)
                StandardStream.output.writeLine(ReplyText.shown(json, inLines: !output.isJSON))
                answers += 1
                if answers == count { return }
            }
        } catch {
            if let status = error as? GRPCStatus, status.code == .cancelled, let failure = await failing.value {
                throw failure
            }
            throw error
        }
    }
}
