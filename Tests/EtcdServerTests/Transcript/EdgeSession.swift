// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletGRPCWire
import NIOCore
import NIOPosix
import Testing

/// Asks a server all that the transcript asks, in its order.
struct EdgeSession {
    let client: WireClient

    /// So that an answer which never comes is seen as that row's.
    private static var options: WireCallOptions {
        var options = WireCallOptions()
        options.timeout = .seconds(120)
        return options
    }

    /// - Parameter answerCounts: how many responses each watch request is answered by.
    static func run(port: Int, requests: [EdgeRequest], answerCounts: [String: Int]) async throws -> Outcome {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let client = try WireClient(
            .hostPort("127.0.0.1", port), eventLoopGroup: group,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let outcome: Result<Outcome, any Error>
        do {
            outcome = .success(try await EdgeSession(client: client).run(requests, answerCounts))
        } catch {
            outcome = .failure(error)
        }
        await client.close()
        try await group.shutdownGracefully()
        return try outcome.get()
    }

    struct Outcome {
        var answers: [String: [EdgeAnswer]] = [:]
        /// From the grant of a lease of two seconds to when all leases were listed.
        var leaseTime = Duration.zero
        /// Whether the leases that the transcript sees were sure to be there, and everything was answered: etcd 3.5
        /// never answers a change of members that comes before its consensus has heard of the last one's end.
        var isInTime: Bool {
            leaseTime < .milliseconds(900) && !answers.values.joined().contains(where: \.isTimeOut)
        }
    }

    private func run(_ requests: [EdgeRequest], _ answerCounts: [String: Int]) async throws -> Outcome {
        for request in EdgeRequest.setUp {
            guard case .response = try await answer(request) else { throw SetUpFailed(name: request.name) }
        }
        var outcome = Outcome()
        var granted = ContinuousClock.now
        for request in requests where request.method.kind != .watch {
            if request.name.hasPrefix("grant ttl=1") { granted = .now }
            // More than the disk of a busy machine takes for what etcd 3.5 must have heard of: see `isInTime`.
            if request.method.path.contains("Cluster/") { try await Task.sleep(for: .milliseconds(500)) }
            outcome.answers[request.name] = [try await answer(request)]
            if request.name == "leases" { outcome.leaseTime = granted.duration(to: .now) }
        }
        try await client.withStream(EdgeMethod.watch.path, options: Self.options) { stream in
            for request in requests where request.method.kind == .watch {
                outcome.answers[request.name] = try await watchAnswers(
                    to: request, count: answerCounts[request.name] ?? 0, on: stream)
            }
        }
        return outcome
    }

    struct SetUpFailed: Error {
        var name: String
    }

    private func answer(_ request: EdgeRequest) async throws -> EdgeAnswer {
        let method = request.method
        let message = try method.request(request.text)
        do {
            guard method.kind == .streamOfOne else {
                return .response(
                    try method.text(try await client.unary(method.path, message, options: Self.options).message))
            }
            return try await client.withStream(method.path, options: Self.options) { stream in
                try await stream.write(message)
                return .response(try method.text(try #require(try await stream.next())))
            }
        } catch let status as GRPCStatus {
            return .failure(code: status.code.rawValue, text: status.message)
        }
    }

    /// - Parameter count: 0 for a request that is not answered: one behind it is, and that first.
    private func watchAnswers(
        to request: EdgeRequest, count: Int, on stream: ClientStream
    ) async throws -> [EdgeAnswer] {
        try await stream.write(try request.method.request(request.text))
        guard count == 0 else {
            var answers: [EdgeAnswer] = []
            while answers.count < count, let message = try await stream.next() {
                answers.append(.response(try request.method.text(message)))
            }
            return answers
        }
        try await stream.write(try request.method.request(#"create_request { key: "w" watch_id: 99 }"#))
        let text = try request.method.text(try #require(try await stream.next()))
        return [text.contains("\nwatch_id: 99\n") ? .silence : .response(text)]
    }
}
