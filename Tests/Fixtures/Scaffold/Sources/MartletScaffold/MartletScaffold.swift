import Martlet

public struct HelloRequest: Codable, Sendable {
    public var name: String

    public init(name: String) { self.name = name }
}

public struct HelloResponse: Codable, Sendable {
    public var greeting: String
}

/// The service, ready to run: the server runs it on a network, the tests inside their process.
public func makeService(registry: some ServiceRegistry = .memory) -> MicroService {
    var service = MicroService("martlet-scaffold", version: "1", registry: registry)
    service.handle("MartletScaffoldHandler.Hello") { (request: HelloRequest, context) in
        guard !request.name.isEmpty else { throw MicroError(.badRequest, "who shall be greeted?") }
        return HelloResponse(greeting: "Hello \(request.name)")
    }
    return service
}
