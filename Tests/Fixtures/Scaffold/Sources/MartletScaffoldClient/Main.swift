import Martlet
import MartletEtcd
import MartletScaffold

@main struct Main {
    static func main() async throws {
        let name = CommandLine.arguments.dropFirst().first ?? "John"
        try await withMicroClient(registry: .etcd("127.0.0.1:2379")) { client in
            let reply: HelloResponse = try await client.call(
                "martlet-scaffold", "MartletScaffoldHandler.Hello", HelloRequest(name: name)
            ) { $0.isIdempotent = true }
            print(reply.greeting)
        }
    }
}
