// SPDX-License-Identifier: Apache-2.0

package import MartletGRPCWire

/// The methods of the services by their gRPC paths: what the wire's router and the gateway call.
///
/// Handlers run on the store's event loop, but for those that take long: they are tasks.
package struct EtcdMethods: Sendable {
    package enum Method: Sendable {
        /// One message in.
        case unary(@Sendable (any EtcdCall, [UInt8]) -> Void)
        /// Any number of messages.
        case stream(@Sendable (any EtcdCall) -> any ServerCallEvents)
        /// Any number of messages. What is given to `respond` is on its way when that returns, which it does when there
        /// is room for more; the call ends with the handler.
        case task(
            @Sendable (
                _ credentials: CallCredentials, _ requests: MessageReader,
                _ respond: @Sendable ([UInt8]) async throws -> Void
            ) async throws -> Void)
    }

    private var methods: [String: Method] = [:]

    package init() {}

    /// In an order of their own.
    var paths: [String] { methods.keys.sorted() }

    package subscript(path: String) -> Method? {
        get { methods[path] }
        set { methods[path] = newValue }
    }

    /// - Parameter bridges: by which calls of other loops come to the store's.
    func addRoutes(to router: inout GRPCRouter, _ bridges: LoopBridges) {
        for (path, method) in methods {
            switch method {
            case .unary(let handler):
                router.add(
                    path,
                    .unaryEvent { call, message in
                        guard let bridge = bridges.bridge(from: call.eventLoop) else { return handler(call, message) }
                        bridge.call(handler, call, message)
                    })
            case .stream(let make):
                router.add(
                    path,
                    .streamEvent { call in
                        guard let bridge = bridges.bridge(from: call.eventLoop) else { return make(call) }
                        return bridge.stream(make, call)
                    })
            case .task(let handler):
                router.add(
                    path,
                    .stream { call, requests, responses in
                        try await handler(call.credentials, requests) { try await responses.write($0) }
                    })
            }
        }
    }
}
