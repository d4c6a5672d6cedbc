// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletEmbedded

func greet(_ names: [String], _ store: MartletStore) async throws {
    try await withMicroClient(
        store: store,
        configure: {
            $0.selector = .roundRobin
            $0.timeout = .seconds(10)
            $0.retries.rounds = 3
            // go-micro's 200 connections for two minutes; here one carries hundreds of calls.
            $0.pool = PoolPolicy(maximumConnections: 200, maximumAge: .seconds(120))
        }
    ) { client in
        for name in names {
            do {
                // The typed call, which travels as JSON.
                let reply: HelloResponse = try await client.call(
                    "go.micro.server", "Greeter.Hello", HelloRequest(name: name)
                ) { $0.isIdempotent = true }
                print(reply.greeting)
            } catch let error as MicroError {
                print("\(error.code.rawValue): \(error.detail)")
            }
        }
        // The same in two steps, for whoever is used to NewRequest.
        let request = MicroRequest("go.micro.server", "Greeter.Hello", HelloRequest(name: "everybody"))
        let last: HelloResponse = try await client.call(request)
        print(last.greeting)
    }
}
