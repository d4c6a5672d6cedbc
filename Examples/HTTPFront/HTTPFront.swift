// SPDX-License-Identifier: Apache-2.0

import Hummingbird
import Martlet
import MartletEmbedded

struct HelloRequest: Codable { var name: String }
struct HelloResponse: Codable, ResponseEncodable { var greeting: String }

/// A web server before services: `swift run HTTPFront` prints where a browser finds it, and runs until it is told to
/// end. `swift run HTTPFront 8080` takes that port.
@main struct HTTPFront {
    static func main() async throws {
        let port = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 0
        let store = try await MartletStore.open()
        let client = MicroClient(store: store)
        let router = Router()
        router.get("hello/:name") { _, context -> HelloResponse in
            let name = try context.parameters.require("name")
            do {
                return try await client.call("greeter", "Greeter.Hello", HelloRequest(name: name)) {
                    $0.isIdempotent = true
                }
            } catch let error as MicroError {
                // A service's codes are those of HTTP.
                throw HTTPError(.init(code: Int(error.code.rawValue)), message: error.detail)
            }
        }
        var application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)),
            onServerRunning: { print("http://127.0.0.1:\($0.localAddress?.port ?? port)/hello/John") })
        // Parts of one program, which end in reverse: the web server first, the store last.
        application.addServices(store, greeter(store), client)
        try await application.runService()
    }

    /// In the same process here; with the store at servers it may run anywhere.
    static func greeter(_ store: MartletStore) -> MicroService {
        var service = MicroService("greeter", store: store) { $0.address = "127.0.0.1:0" }
        service.handle("Greeter.Hello") { (request: HelloRequest, _) in
            guard request.name.allSatisfy(\.isLetter) else {
                throw MicroError(.badRequest, "\(request.name) is no name")
            }
            return HelloResponse(greeting: "Hello \(request.name)")
        }
        return service
    }
}
