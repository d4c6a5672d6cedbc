// SPDX-License-Identifier: Apache-2.0

/// The service of the demonstration.
enum DemoService {
    static let name = "go.micro.server"
    static let endpoint = "Greeter.Hello"
}

struct HelloRequest: Codable, Sendable {
    var name: String
    /// The client's number of the call, so that its way can be followed; a call by hand has none.
    var call: Int?
}

struct HelloResponse: Codable, Sendable {
    var greeting: String
    /// Which Greeter answered.
    var by: String
}
