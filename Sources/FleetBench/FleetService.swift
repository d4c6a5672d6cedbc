// SPDX-License-Identifier: Apache-2.0

import Logging
package import Martlet
import MartletEtcd
import SwiftProtobuf

/// The service whose nodes are called. Its messages are protobuf's `StringValue`, on the wire the same as a Greeter's.
package enum FleetService {
    package static let name = "bench.fleet"
    /// Answers `Hello`, a blank and the request.
    package static let hello = "Fleet.Hello"
    /// Answers after so many milliseconds.
    package static let wait = "Fleet.Wait"
    /// Ends the node's process as a programming error would.
    package static let trap = "Fleet.Trap"

    /// What each call asks, and what it must get.
    static let request = Google_Protobuf_StringValue("John")
    static let answer = "Hello John"

    /// A service as a user would write it; its nodes know nothing of what is done to them.
    static func make(_ registry: some ServiceRegistry, id: String) -> MicroService {
        var service = MicroService(self.name, version: "1", registry: registry) {
            $0.address = "127.0.0.1:0"
            $0.nodeID = id
            $0.logger.logLevel = .error
        }
        service.handle(self.hello) { (request: Google_Protobuf_StringValue, _) in
            Google_Protobuf_StringValue("Hello \(request.value)")
        }
        service.handle(self.wait) { (request: Google_Protobuf_Int64Value, _) in
            try await Task.sleep(for: .milliseconds(request.value))
            return request
        }
        service.handle(self.trap) { (_: Google_Protobuf_Empty, _) -> Google_Protobuf_Empty in
            fatalError("a handler was asked to end its process")
        }
        return service
    }

    /// A client that finds the service in a store, and says nothing of what it meets on its way.
    static func client(store: String) -> MicroClient {
        MicroClient(registry: .etcd(store)) { $0.logger.logLevel = .error }
    }

    /// Makes one call and returns where it ended up.
    ///
    /// - Throws: also when the answer isn't right.
    @discardableResult
    package static func call(
        _ client: MicroClient, configure: (inout RequestOptions) -> Void = { _ in }
    ) async throws -> (node: String, attempts: Int) {
        let response: MicroResponse<Google_Protobuf_StringValue> = try await client.call(
            self.name, self.hello, self.request, configure: configure)
        guard response.message.value == self.answer else { throw Failure("answered \(response.message.value)") }
        return (response.node.id, response.attempts)
    }

    /// A call that takes its node so long.
    package static func wait(
        _ client: MicroClient, milliseconds: Int64, configure: (inout RequestOptions) -> Void = { _ in }
    ) async throws {
        let _: Google_Protobuf_Int64Value = try await client.call(
            self.name, self.wait, Google_Protobuf_Int64Value(milliseconds), configure: configure)
    }

    /// A call that ends its node.
    package static func trap(
        _ client: MicroClient, configure: (inout RequestOptions) -> Void = { _ in }
    ) async throws {
        let _: Google_Protobuf_Empty = try await client.call(
            self.name, self.trap, Google_Protobuf_Empty(), configure: configure)
    }
}
