// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import MartletGRPC
import MartletGreeterFixture
import MartletGreeterGRPCFixture
import SwiftProtobuf
import Synchronization

/// A Greeter whose requests say what it is to do.
final class TestGreeter: Greeter.ServiceProtocol {
    struct NotAnRPCError: Error {}

    /// What happened to calls, by the keys that their requests named.
    let events = EventLog()

    private let held = AsyncStream.makeStream(of: Void.self)

    /// Lets chats that were told to hold go on.
    func release() { self.held.continuation.finish() }

    // MARK: Hello

    func hello(
        request: ServerRequest<HelloRequest>, context: ServerContext
    ) async throws -> ServerResponse<HelloResponse> {
        let name = request.message.name
        let parts = name.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        let trailing = Self.echo(request.metadata, prefix: "x-trailing-")
        var reply = HelloResponse()
        reply.greeting = "Hello \(name)"
        switch parts[0] {
        case "err":
            throw RPCError(
                code: RPCError.Code(Status.Code(rawValue: Int(parts[1]) ?? 2) ?? .unknown) ?? .unknown,
                message: parts[2], metadata: trailing)
        case "throw":
            throw NotAnRPCError()
        case "blob":
            reply.greeting = ""
            reply.blob.append(contentsOf: (0..<(Int(parts[1]) ?? 0)).map { UInt8($0 % 251) })
        case "len":
            reply.greeting = "len \(name.utf8.count)"
        case "sleep":
            self.events.note("started \(name)")
            try await Task.sleep(for: .milliseconds(Int(parts[1]) ?? 0))
            self.events.note("ended \(name)")
        case "wait":
            try await self.waitForCancellation(parts[1], context)
        default:
            let call = context.transportSpecific as? MartletServerTransport.CallContext
            reply.metadata = Dictionary(
                request.metadata.map { ($0.key, "\($0.value)") }, uniquingKeysWith: { "\($0), \($1)" })
            if let deadline = call?.deadline {
                reply.deadlineLeftNs = Int64(ContinuousClock.now.duration(to: deadline) / .nanoseconds(1))
            }
            reply.nodeTags = [context.remotePeer, context.localPeer, call?.authority ?? "", "\(context.descriptor)"]
        }
        return ServerResponse(
            message: reply, metadata: Self.echo(request.metadata, prefix: "x-initial-"), trailingMetadata: trailing)
    }

    /// Returns only when the call's handle was cancelled, and notes whether the task was, too.
    private func waitForCancellation(_ key: String, _ context: ServerContext) async throws {
        self.events.note("started \(key)")
        try await withRPCCancellationHandler {
            try await context.cancellation.cancelled
        } onCancelRPC: {
            self.events.note("told \(key)")
        }
        self.events.note("cancelled \(key), task \(Task.isCancelled)")
        throw RPCError(code: .cancelled, message: "cancelled")
    }

    static func echo(_ metadata: Metadata, prefix: String) -> Metadata {
        Metadata(metadata.filter { $0.key.hasPrefix(prefix) })
    }

    // MARK: Streams

    func count(
        request: ServerRequest<CountRequest>, context: ServerContext
    ) async throws -> StreamingServerResponse<CountResponse> {
        let message = request.message
        guard message.upto >= 0 else { throw RPCError(code: .invalidArgument, message: "upto is negative") }
        let limit = request.metadata[stringValues: "x-fail-after"].first { _ in true }.flatMap { Int64($0) }
        return StreamingServerResponse(metadata: Self.echo(request.metadata, prefix: "x-initial-")) { writer in
            self.events.note("started count")
            try await withRPCCancellationHandler {
                for value in 0..<message.upto {
                    if value == limit { throw RPCError(code: .aborted, message: "stopped after \(value)") }
                    if value > 0, message.pauseMs > 0 { try await Task.sleep(for: .milliseconds(message.pauseMs)) }
                    try await writer.write(CountResponse.with { $0.value = value })
                }
            } onCancelRPC: {
                self.events.note("count cancelled")
            }
            return Self.echo(request.metadata, prefix: "x-trailing-")
        }
    }

    func chat(
        request: StreamingServerRequest<ChatMessage>, context: ServerContext
    ) async throws -> StreamingServerResponse<ChatMessage> {
        StreamingServerResponse(metadata: Self.echo(request.metadata, prefix: "x-initial-")) { writer in
            do {
                if request.metadata["x-hold"].contains("yes") {
                    self.events.note("holding")
                    for await _ in self.held.stream {}
                }
                for try await message in request.messages { try await writer.write(message) }
            } catch {
                self.events.note("chat failed: \((error as? RPCError)?.code.description ?? "\(error)")")
                throw error
            }
            return [:]
        }
    }

    func gather(
        request: StreamingServerRequest<ChatMessage>, context: ServerContext
    ) async throws -> ServerResponse<ChatMessage> {
        var reply = ChatMessage()
        var texts: [String] = []
        for try await message in request.messages {
            if message.text == "stop" { throw RPCError(code: .outOfRange, message: "stopped") }
            texts.append(message.text)
            reply.seq += message.seq
        }
        reply.text = texts.joined(separator: ",")
        return ServerResponse(message: reply)
    }
}

/// What happened, in order.
final class EventLog: Sendable {
    private let state = Mutex<[String]>([])

    func note(_ event: String) { self.state.withLock { $0.append(event) } }

    var all: [String] { self.state.withLock { $0 } }

    /// Waits for `event`; returns whether it came before a test that hangs has to end.
    func wait(for event: String) async throws -> Bool {
        let clock = ContinuousClock()
        let end = clock.now.advanced(by: .seconds(300))
        while clock.now < end, !self.all.contains(event) { try await Task.sleep(for: .milliseconds(2)) }
        return self.all.contains(event)
    }
}
