// SPDX-License-Identifier: Apache-2.0

import Hummingbird
import Martlet
import MartletEtcd

struct HelloRequest: Codable { var name: String }
struct HelloResponse: Codable, ResponseEncodable { var greeting: String }

/// A web server before services: `curl localhost:8080/hello/John` calls Greeter.Hello of go.micro.server.
@main struct HTTPFront {
    static func main() async throws {
        let client = MicroClient(registry: .etcd("127.0.0.1:2379"))
        let router = Router()
        router.get("hello/:name") { _, context -> HelloResponse in
            let name = try context.parameters.require("name")
            do {
                return try await client.call("go.micro.server", "Greeter.Hello", HelloRequest(name: name)) {
                    $0.isIdempotent = true
                }
            } catch let error as MicroError {
                // A service's codes are those of HTTP.
                throw HTTPError(.init(code: Int(error.code.rawValue)), message: error.detail)
            }
        }
        var application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 8080)))
        // The client is a part of the program like any other: it closes after the web server has ended.
        application.addServices(client)
        try await application.runService()
    }
}
