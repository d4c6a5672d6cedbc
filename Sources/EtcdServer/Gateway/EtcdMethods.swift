// SPDX-License-Identifier: Apache-2.0

package import MartletGRPCWire

/// The methods of the services by their gRPC paths: what the wire's router and the gateway call.
///
/// Handlers run on the store's event loop.
package struct EtcdMethods: Sendable {
    package enum Method: Sendable {
        /// One message in.
        case unary(@Sendable (any EtcdCall, [UInt8]) -> Void)
        /// Any number of messages.
        case stream(@Sendable (any EtcdCall) -> any ServerCallEvents)
    }

    private var methods: [String: Method] = [:]

    package init() {}

    package subscript(path: String) -> Method? {
        get { methods[path] }
        set { methods[path] = newValue }
    }

    package func addRoutes(to router: inout GRPCRouter) {
        for (path, method) in methods {
            switch method {
            case .unary(let handler): router.add(path, .unaryEvent { call, message in handler(call, message) })
            case .stream(let make): router.add(path, .streamEvent { call in make(call) })
            }
        }
    }
}
