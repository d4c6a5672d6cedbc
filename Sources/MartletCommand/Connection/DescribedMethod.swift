// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletGRPCWire
import MartletJSON
import MartletReflection

/// A method that a server's reflection describes: what turns JSON into its requests, and its responses into JSON.
struct DescribedMethod {
    let name: MethodName
    let shape: MethodShape
    let pool: DescriptorPool

    /// Asks a server about a method.
    ///
    /// - Returns: `nil` when the server has no reflection, or its reflection doesn't know a service of this name.
    /// - Throws: ``CommandFailure`` when the service has no such method.
    static func find(
        _ endpoint: String, of service: String, _ wire: WireClient, _ options: WireCallOptions
    ) async throws -> DescribedMethod? {
        let reflection = ReflectionClient(wire, options: options)
        guard let services = try await reflection.services(),
            let name = MethodName(endpoint: endpoint, of: service, among: services)
        else { return nil }
        var pool = DescriptorPool()
        guard try await reflection.describe(name.service, into: &pool), let found = pool.service(name.service) else {
            return nil
        }
        guard let shape = found.methods.first(where: { $0.name == name.method }) else {
            throw CommandFailure(
                UnknownName.sentence(
                    "\(name.service) has no method \"\(name.method)\"", name.method, found.methods.map(\.name)))
        }
        return DescribedMethod(name: name, shape: shape, pool: pool)
    }

    var isStream: Bool { shape.streamsRequests || shape.streamsResponses }

    func request(_ json: String) throws -> [UInt8] {
        guard let value = JSONParser.parse(Array(json.utf8)) else { throw CommandFailure("the request is not JSON") }
        do {
            return try MessageEncoder(pool).encode(value, as: shape.input)
        } catch {
            throw CommandFailure("the request is no \(shape.input): \(error)")
        }
    }

    func response(_ bytes: [UInt8]) throws -> String {
        do {
            return try MessageDecoder(pool).decode(bytes, as: shape.output).plainText
        } catch {
            throw CommandFailure("the response is no \(shape.output): \(error)")
        }
    }
}

/// How a command shows the error of a call: on one line, with nothing in it that a terminal obeys.
enum CallErrorText {
    /// `error 404 Not Found: no name (go.micro.server)`
    static func text(_ error: MicroError) -> String {
        let status = error.status.isEmpty ? "" : " " + error.status
        let id = error.id.isEmpty ? "" : " (\(error.id))"
        return PeerText.line("error \(error.code.rawValue)\(status): \(error.detail)\(id)")
    }

    /// `status 5 NOT_FOUND: no name`. A server of Martlet's or go-micro's own kind is shown as above.
    static func text(_ status: GRPCStatus) -> String {
        if let error = CallFailure.error(for: status) as? MicroError, status.message.hasPrefix("{") {
            return text(error)
        }
        let names = [
            "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
            "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE",
            "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
        ]
        let code = status.code.rawValue
        let name = names.indices.contains(code) ? " " + names[code] : ""
        return PeerText.line("status \(code)\(name)" + (status.message.isEmpty ? "" : ": \(status.message)"))
    }

    /// What to write for any error of a call; `nil` for those that the argument parser shows.
    static func text(_ error: any Error) -> String? {
        switch error {
        case let error as MicroError: text(error)
        case let status as GRPCStatus: text(status)
        default: nil
        }
    }
}
