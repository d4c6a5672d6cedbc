// SPDX-License-Identifier: Apache-2.0

/// A method of a gRPC service, found from what somebody typed.
package struct MethodName: Equatable, Sendable {
    /// The service's full name, `package.Service`.
    package var service: String
    package var method: String

    package var path: String { "/\(service)/\(method)" }

    package init(service: String, method: String) {
        self.service = service
        self.method = method
    }

    /// Reads `/package.Service/Method`, `package.Service/Method`, `package.Service.Method`, `Service.Method`, or just
    /// `Method` of the service that is named beside it.
    ///
    /// - Parameters:
    ///   - endpoint: What was typed for the endpoint.
    ///   - service: What was typed for the service: a gRPC service's full name, or any name of a registry.
    ///   - services: Full names of all services that the server has.
    /// - Returns: `nil` when no service fits, or several do.
    package init?(endpoint: String, of service: String, among services: [String]) {
        let bare = endpoint.hasPrefix("/") ? String(endpoint.dropFirst()) : endpoint
        let separator = bare.contains("/") ? "/" : "."
        guard let cut = bare.lastIndex(of: Character(separator)) else {
            guard services.contains(service) else { return nil }
            self.init(service: service, method: bare)
            return
        }
        let typed = String(bare[..<cut])
        let method = String(bare[bare.index(after: cut)...])
        if services.contains(typed) {
            self.init(service: typed, method: method)
            return
        }
        let alike = services.filter { $0.split(separator: ".").last.map(String.init) == typed }
        if alike.count > 1, alike.contains(service) {
            self.init(service: service, method: method)
            return
        }
        guard alike.count == 1 else { return nil }
        self.init(service: alike[0], method: method)
    }
}
