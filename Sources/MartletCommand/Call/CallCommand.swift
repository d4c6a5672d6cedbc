// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Martlet
import MartletGRPCWire

/// `martlet call SERVICE ENDPOINT JSON`
struct CallCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "call",
        abstract: "Call an endpoint of a service with JSON and print its answer.",
        discussion: """
            A service of the registry is called with application/grpc+json, which every Martlet and go-micro service
            answers. Behind an --address may be any gRPC service with reflection: the JSON becomes its protobuf.

              martlet call go.micro.server Greeter.Hello '{"name": "John"}'
              echo '{"name": "John"}' | martlet call go.micro.server Greeter.Hello -
              martlet call go.micro.server Debug.Health --address 127.0.0.1:9090
              martlet call helloworld.Greeter SayHello '{"name": "John"}' --address 127.0.0.1:50051

            `martlet describe` shows what an endpoint takes. An error of the service is printed on standard error, and
            the exit code is 1.
            """)

    @Argument(help: "The service's name in the registry, or a gRPC service's full name.", completion: .services)
    var service: String

    @Argument(
        help: "Handler.Method; of a gRPC service also its Method alone, or a path that starts with a slash.",
        completion: .endpoints)
    var endpoint: String

    @Argument(help: "The request; - reads it from standard input.")
    var request = "{}"

    @OptionGroup var connection: ConnectionOptions

    @Option(help: "json, proto (by the server's reflection), or auto to try reflection where an --address is given.")
    var codec = CodecChoice.auto

    @Flag(help: "Print the answer as it came, without setting it in lines.")
    var raw = false

    @OptionGroup var output: OutputOption

    mutating func validate() throws {
        if request != StandardInput.name { try Self.check(request) }
    }

    mutating func run() async throws {
        var json = request
        if request == StandardInput.name {
            json = StandardInput.text()
            try Self.check(json)
        }
        let access = try await ServiceAccess.find(service, connection)
        do {
            let reply = try await answer(access, json)
            StandardStream.output.writeLine(ReplyText.shown(reply, inLines: !raw && !output.isJSON))
        } catch {
            guard let text = CallErrorText.text(error) else { throw error }
            StandardStream.error.writeLine(text)
            throw ExitCode.failure
        }
    }

    private func answer(_ access: ServiceAccess, _ json: String) async throws -> String {
        if codec.mayReflect(connection), let node = access.firstNode {
            let reply = try await access.withWire(node) { wire -> String? in
                let options = access.wireOptions()
                guard let method = try await DescribedMethod.find(endpoint, of: service, wire, options) else {
                    return nil
                }
                if method.isStream {
                    throw CommandFailure("\(method.name.path) is a stream: use `martlet stream`")
                }
                let request = try method.request(json)
                return try method.response(try await wire.unary(method.name.path, request, options: options).message)
            }
            if let reply { return reply }
            try codec.requireReflection(node.address, service, endpoint)
        }
        let client = access.client()
        let result: Result<String, any Error>
        do {
            result = .success(
                try await client.call(service, endpoint, json: json) { $0 = access.callOptions() })
        } catch {
            result = .failure(error)
        }
        await client.close()
        return try result.get()
    }

    /// A request that is no JSON is said so before anything is connected.
    private static func check(_ json: String) throws {
        if let problem = RequestJSON.problem(in: json) { throw ValidationError("the request \(problem)") }
    }
}

/// How the messages of a call are written.
enum CodecChoice: String, ExpressibleByArgument, CaseIterable {
    case auto, json, proto

    /// Services of the registry take JSON; nothing is known of what stands behind an address.
    func mayReflect(_ connection: ConnectionOptions) -> Bool {
        self == .proto || (self == .auto && connection.address != nil)
    }

    func requireReflection(_ address: String, _ service: String, _ endpoint: String) throws {
        guard self == .proto else { return }
        throw CommandFailure(
            "the server at \(address) describes no \(service) \(endpoint): without reflection only --codec json works")
    }
}
