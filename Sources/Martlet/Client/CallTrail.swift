// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire

/// Which nodes a call was tried on, and why each failed: what its error tells whoever has to mend it.
struct CallTrail {
    /// So many nodes are named; an error is no log.
    static let maximumNamed = 8

    private(set) var attempts = 0
    private var lines: [String] = []

    mutating func failed(_ node: NodeRecord, _ status: GRPCStatus) {
        self.attempts += 1
        guard self.lines.count < Self.maximumNamed else { return }
        let reason = status.message.isEmpty ? "status \(status.code.rawValue)" : status.message
        let name = node.id == node.address ? node.id : "\(node.id) at \(node.address)"
        self.lines.append("\(name) (\(reason))")
    }

    /// The error with the trail behind its own text.
    ///
    /// Only errors that the client found by itself: what a service answered is left as it is.
    ///
    /// - Parameter registry: The registry that named the nodes; `nil` for a call that named its address.
    func explained(_ error: any Error, service: String, registry: String?) -> any Error {
        guard var error = error as? MicroError, error.id == MicroError.clientID, self.attempts > 0 else { return error }
        let rest = self.attempts - self.lines.count
        let list = self.lines.joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
        let source = registry.map { "in registry \"\($0)\"" } ?? "by its address"
        let count = self.attempts == 1 ? "1 attempt" : "\(self.attempts) attempts"
        error.detail += "; \(count) to call \"\(service)\", found \(source): \(list)"
        return error
    }
}

extension MicroError {
    /// No node of the service is known, and the registry has said so.
    static func serviceNotFound(_ service: String, registry: String) -> MicroError {
        var error = MicroError.serviceNotFound(service)
        error.detail += "; registry \"\(registry)\" has no node of it"
        return error
    }

    /// Nodes are known, but none may be chosen.
    static func noneAvailable(_ service: String, nodes: Int, registry: String) -> MicroError {
        var error = MicroError.noneAvailable(service)
        error.detail += "; registry \"\(registry)\" has \(nodes) of its nodes, and the call's filters leave none"
        return error
    }
}
