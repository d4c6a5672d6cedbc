// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletEtcd

struct HelloRequest: Codable { var name: String }
struct HelloResponse: Codable { var greeting: String }

@main struct GreeterClient {
    static func main() async throws {
        let client = MicroClient(registry: .etcd("127.0.0.1:2379")) {
            $0.selector = .roundRobin
            $0.timeout = .seconds(10)
            $0.retries.rounds = 3
            // go-micro's 200 connections for two minutes; here one carries hundreds of calls.
            $0.pool = PoolPolicy(maximumConnections: 200, maximumAge: .seconds(120))
        }
        // The typed call, which travels as JSON.
        let reply: HelloResponse = try await client.call(
            "go.micro.server", "Greeter.Hello", HelloRequest(name: "John")
        ) { $0.isIdempotent = true }
        print(reply.greeting)
        // The same in two steps, for whoever is used to NewRequest.
        let request = MicroRequest("go.micro.server", "Greeter.Hello", HelloRequest(name: "Jane"))
        let second: HelloResponse = try await client.call(request)
        print(second.greeting)
        await client.close()
    }
}
