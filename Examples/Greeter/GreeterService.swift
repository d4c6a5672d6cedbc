// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletEmbedded

struct HelloRequest: Codable { var name: String }
struct HelloResponse: Codable { var greeting: String }

func greeterService(_ store: MartletStore) -> MicroService {
    var service = MicroService("go.micro.server", version: "myVersion", store: store) {
        $0.address = "127.0.0.1:0"  // Of this machine alone; by default others may call, too.
        $0.registration = RegistrationOptions(ttl: .seconds(15), interval: .seconds(5))
        $0.maximumMessageBytes = 2 << 20
        $0.drainLimit = .seconds(10)  // Calls in flight are waited for, so long at most.
    }
    service.handle("Greeter.Hello") { (request: HelloRequest, context) in
        guard !request.name.isEmpty else { throw MicroError(.badRequest, "who shall be greeted?") }
        return HelloResponse(greeting: "Hello \(request.name)")
    }
    return service
}
