// SPDX-License-Identifier: Apache-2.0

package import MartletGRPCWire
import MartletHTTP2Session
package import NIOCore

/// The services for clients that speak JSON over HTTP/1.1: each method at a path under `/v3/`, as etcd has it.
///
/// A request becomes the bytes that a gRPC client would have sent and goes to the same handler; what the handler
/// answers becomes JSON. Methods with a stream of answers send a line for each; those that also take a stream of
/// requests find them one behind another in the body.
package struct Gateway: Sendable {
    private let methods: EtcdMethods
    /// The services' loop.
    private let eventLoop: any EventLoop
    /// The largest message that a service gets.
    private let maximumMessageBytes: Int
    /// Read from descriptors when it is first asked for: a member without this port has no use for it.
    private var schema: GatewaySchema { .etcd }
    private let memory: GatewayMemory
    /// Counts calls, as those of gRPC are.
    private let meter: CallMeter?

    package init(
        methods: EtcdMethods, eventLoop: any EventLoop, maximumMessageBytes: Int, meter: CallMeter? = nil,
        maximumHeldBytes: Int = GatewayMemory.limitBytes
    ) {
        self.methods = methods
        memory = GatewayMemory(limitBytes: maximumHeldBytes)
        self.meter = meter
        self.eventLoop = eventLoop
        self.maximumMessageBytes = maximumMessageBytes
    }

    /// Answers a request for `path`, which begins with `/v3/`.
    package func respond(to request: HTTP1Request, path: String) async -> HTTP1Response {
        guard let name = GatewayRoutes.methods[path], let method = schema.methods[name] else {
            return .failure(404, "Not Found\n")
        }
        guard request.method == "POST" else { return .failure(405, "Method Not Allowed\n") }
        do throws(GRPCStatus) {
            let limit = try Self.limit(request)
            let reader = RequestReader(
                type: method.request, body: request.body, isStream: method.streamsRequests,
                maximumMessageBytes: maximumMessageBytes)
            let exchange = GatewayExchange(
                call: GatewayCall(
                    metadata: Self.metadata(request), peer: request.peer, path: name, memory: memory, meter: meter,
                    eventLoop: eventLoop),
                reader: reader, responseType: method.response)
            guard let handler = methods[name] else { throw Self.unknownMethod(name) }
            return method.streamsResponses
                ? try await exchange.streamed(handler, until: limit)
                : try await exchange.unary(handler, until: limit)
        } catch {
            return GatewayAnswer.failure(error)
        }
    }

    /// When the client ceases to wait.
    private static func limit(_ request: HTTP1Request) throws(GRPCStatus) -> NIODeadline? {
        guard let text = request.header("grpc-timeout") else { return nil }
        guard let timeout = Array(text.utf8).withUnsafeBytes({ CallTimeout.parseGRPC($0) }) else {
            throw GRPCStatus(.invalidArgument, "invalid grpc-timeout: \(text)")
        }
        return .after(timeout)
    }

    /// In the words of the gRPC side.
    private static func unknownMethod(_ path: String) -> GRPCStatus {
        let parts = path.split(separator: "/")
        return GRPCStatus(.unimplemented, "unknown method \(parts[1]) for service \(parts[0])")
    }

    /// The headers that a service sees: the client's token, and what is marked as meant for it.
    private static func metadata(_ request: HTTP1Request) -> HeaderBlock {
        var block = HeaderBlock()
        for (name, value) in request.headers {
            let name = name.lowercased()
            if name == "authorization" {
                block.append(name, value)
            } else if name.hasPrefix(metadataPrefix) {
                block.append(String(name.dropFirst(metadataPrefix.count)), value)
            }
        }
        return block
    }

    private static let metadataPrefix = "grpc-metadata-"
}
