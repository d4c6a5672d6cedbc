// SPDX-License-Identifier: Apache-2.0

/// How many messages a method's calls have each way, in the words of `grpc_type`.
enum CallKind: String {
    case unary
    case clientStream = "client_stream"
    case serverStream = "server_stream"
    case bidirectional = "bidi_stream"

    /// The health service, which every server has beside etcd's.
    static let healthMethods = ["/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"]

    init(path: String) {
        if path == "/grpc.health.v1.Health/Watch" {
            self = .serverStream
            return
        }
        guard let method = GatewaySchema.etcd.methods[path] else {
            self = .unary
            return
        }
        switch (method.streamsRequests, method.streamsResponses) {
        case (false, false): self = .unary
        case (true, false): self = .clientStream
        case (false, true): self = .serverStream
        case (true, true): self = .bidirectional
        }
    }
}
