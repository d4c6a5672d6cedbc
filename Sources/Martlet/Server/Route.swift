// SPDX-License-Identifier: Apache-2.0

/// How a call's path names an endpoint, in both directions.
package enum Route {
    /// What a server reads from a path.
    package enum Target: Hashable, Sendable {
        case endpoint(handler: Substring, method: Substring)
        /// The path hasn't the shape `/service/method`.
        case malformed
    }

    /// Reads `/any.package.Greeter/Hello` as handler `Greeter`, method `Hello`.
    ///
    /// Only the part after the last dot counts: go-micro's clients send the service's name there, stock gRPC clients
    /// the package of the `.proto` file.
    package static func target(of path: String) -> Target {
        let parts = path.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].isEmpty, !parts[2].isEmpty else { return .malformed }
        let service = parts[1]
        guard let dot = service.lastIndex(of: ".") else {
            return service.isEmpty ? .malformed : .endpoint(handler: service, method: parts[2])
        }
        let handler = service[service.index(after: dot)...]
        return handler.isEmpty ? .malformed : .endpoint(handler: handler, method: parts[2])
    }

    /// The path for an endpoint of a service.
    ///
    /// `Greeter.Hello` of `go.micro.server` is `/go.micro.server.Greeter/Hello`; an endpoint that starts with a slash
    /// is a path already. An endpoint without exactly one dot can't be called.
    package static func path(service: String, endpoint: String) -> String? {
        if endpoint.utf8.first == UInt8(ascii: "/") { return endpoint }
        let parts = endpoint.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
        return service.isEmpty ? "/\(parts[0])/\(parts[1])" : "/\(service).\(parts[0])/\(parts[1])"
    }
}
