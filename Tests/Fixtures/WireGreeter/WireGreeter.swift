// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
package import MartletGRPCWire
import MartletGreeterFixture
import MartletHTTP2Session
import MartletWireServices
import NIOCore
import SwiftProtobuf
import Synchronization

/// The Greeter conformance server on the wire: what `Tests/Peers/grpcio_server.py` describes at its head, in Swift.
package final class WireGreeter: Sendable {
    /// The longest that `wait:KEY` waits.
    static let longestWait = Duration.seconds(30)

    private let health = HealthService()
    /// The keys of `wait:` calls that were cancelled.
    private let cancelled = Mutex<Set<String>>([])

    package init() {}

    /// The four methods, health and reflection.
    package func router() throws -> GRPCRouter {
        var router = GRPCRouter()
        router.add("/Greeter/Hello", .unary { try await self.hello($0, $1) })
        router.add("/Greeter/Count", .stream { try await self.count($0, $1, $2) })
        router.add("/Greeter/Chat", .stream { try await self.chat($0, $1, $2) })
        router.add("/Greeter/Gather", .stream { try await self.gather($0, $1, $2) })
        self.health.table.set(.serving, for: "")
        self.health.table.set(.serving, for: "Greeter")
        self.health.addRoutes(to: &router)
        let reflection = try ReflectionService(
            descriptorSets: [GreeterDescriptors.fileDescriptorSet], routedBy: router)
        reflection.addRoutes(to: &router)
        return router
    }

    // MARK: Methods

    private func hello(_ call: ServerCall, _ message: [UInt8]) async throws -> [UInt8] {
        let request: HelloRequest = try Self.decode(message)
        call.returnMetadata()
        try Self.failIfAsked(request.name)
        let (command, argument) = Self.split(request.name)
        switch command {
        case "gzip":
            call.compressesResponse = true
            return try HelloResponse.with { $0.blob = Data(count: Int(argument) ?? 0) }.serializedBytes()
        case "exact":
            return try Self.exact(Int(argument) ?? 0).serializedBytes()
        case "len":
            return try HelloResponse.with { $0.greeting = "len \(request.name.utf8.count)" }.serializedBytes()
        case "cancelled":
            let isKnown = self.cancelled.withLock { $0.contains(argument) }
            return try HelloResponse.with { $0.greeting = isKnown ? "yes" : "no" }.serializedBytes()
        default: break
        }
        var response = HelloResponse()
        response.greeting = "Hello \(request.name)"
        response.metadata = call.customMetadata
        if let deadline = call.deadline { response.deadlineLeftNs = max((deadline - .now()).nanoseconds, 1) }
        switch command {
        case "sleep":
            try await Task.sleep(for: .milliseconds(Int(argument) ?? 0))
        case "blob":
            response.blob = Self.pattern(Int(argument) ?? 0)
        case "wait":
            try await self.wait(argument)
        case "health":
            let (service, status) = Self.split(argument)
            self.health.table.set(status == "SERVING" ? .serving : .notServing, for: service)
        default: break
        }
        return try response.serializedBytes()
    }

    private func count(_ call: ServerCall, _ reader: MessageReader, _ writer: MessageWriter) async throws {
        call.returnMetadata()
        writer.sendMetadata()
        guard let message = try await reader.next() else { throw GRPCStatus(.internalError, "no request") }
        let request: CountRequest = try Self.decode(message)
        guard request.upto >= 0 else { throw GRPCStatus(.invalidArgument, "upto is negative") }
        let limit = call.metadata.first("x-fail-after").flatMap { Int64($0) }
        for value in 0..<request.upto {
            if let limit, value == limit { throw GRPCStatus(.aborted, "stopped after \(limit)") }
            if value > 0, request.pauseMs > 0 { try await Task.sleep(for: .milliseconds(request.pauseMs)) }
            try await writer.write(CountResponse.with { $0.value = value }.serializedBytes())
        }
    }

    private func chat(_ call: ServerCall, _ reader: MessageReader, _ writer: MessageWriter) async throws {
        call.returnMetadata()
        writer.sendMetadata()
        for try await message in reader {
            let text = (try Self.decode(message) as ChatMessage).text
            try Self.failIfAsked(text)
            try await writer.write(message)
        }
    }

    private func gather(_ call: ServerCall, _ reader: MessageReader, _ writer: MessageWriter) async throws {
        call.returnMetadata()
        writer.sendMetadata()
        var texts: [String] = []
        var sum: Int64 = 0
        for try await message in reader {
            let chat: ChatMessage = try Self.decode(message)
            try Self.failIfAsked(chat.text)
            texts.append(chat.text)
            sum += chat.seq
        }
        let answer = ChatMessage.with {
            $0.text = texts.joined(separator: ",")
            $0.seq = sum
        }
        try await writer.write(answer.serializedBytes())
    }

    // MARK: Parts of them

    private func wait(_ key: String) async throws {
        do {
            try await Task.sleep(for: Self.longestWait)
        } catch {
            self.cancelled.withLock { _ = $0.insert(key) }
            throw error
        }
        throw GRPCStatus(.deadlineExceeded, "waited long enough")
    }

    private static func decode<Request: SwiftProtobuf.Message>(_ bytes: [UInt8]) throws -> Request {
        do {
            return try Request(serializedBytes: bytes)
        } catch {
            throw GRPCStatus(.internalError, "grpc: error unmarshalling request: \(error)")
        }
    }

    /// `err:CODE:TEXT` ends the call so.
    private static func failIfAsked(_ text: String) throws {
        let (command, argument) = self.split(text)
        guard command == "err" else { return }
        let (code, message) = self.split(argument)
        throw GRPCStatus(GRPCStatusCode(rawValue: Int(code) ?? 2), message)
    }

    private static func split(_ text: String) -> (String, String) {
        guard let colon = text.unicodeScalars.firstIndex(of: ":") else { return (text, "") }
        return (String(text[..<colon]), String(text.unicodeScalars[colon...].dropFirst()))
    }

    static func pattern(_ count: Int) -> Data { Data((0..<max(count, 0)).map { UInt8($0 % 251) }) }

    /// A response whose encoding is exactly `count` bytes: a tag, a length, a blob.
    private static func exact(_ count: Int) throws -> HelloResponse {
        for lengthBytes in 1...5 {
            let response = HelloResponse.with { $0.blob = self.pattern(count - 1 - lengthBytes) }
            let encoded: [UInt8] = try response.serializedBytes()
            if encoded.count == count { return response }
        }
        throw GRPCStatus(.invalidArgument, "no message has \(count) bytes")
    }
}

extension ServerCall {
    /// What the client set itself, as go-micro and grpcio hand it to handlers: values joined, binary ones in hex.
    fileprivate var customMetadata: [String: String] {
        var found: [String: String] = [:]
        self.metadata.forEach { name, value in
            guard !name.hasPrefix(":"), !name.hasPrefix("grpc-"), name != "te", name != "content-type" else { return }
            let text = name.hasSuffix("-bin") ? Self.hex(Base64.decode(value) ?? []) : value
            found[name] = found[name].map { "\($0), \(text)" } ?? text
        }
        return found
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef")
        return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }

    /// `x-initial-…` goes back in the headers, `x-trailing-…` in the trailers.
    fileprivate func returnMetadata() {
        var initial = HeaderBlock()
        var trailing = HeaderBlock()
        self.metadata.forEach { name, value in
            if name.hasPrefix("x-initial-") { initial.append(name, value) }
            if name.hasPrefix("x-trailing-") { trailing.append(name, value) }
        }
        self.responseMetadata = initial
        self.trailers = trailing
    }
}
