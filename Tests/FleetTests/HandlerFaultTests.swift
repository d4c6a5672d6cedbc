// SPDX-License-Identifier: Apache-2.0

import Logging
import Martlet
import MartletTesting
import Testing

/// Handlers that throw, never return or answer with 100 MB, while others are called on the same connection.
@Suite(.timeLimit(.minutes(30))) struct HandlerFaultTests {
    private struct Broken: Error {}

    private static let hundredMegabytes = 100 << 20
    /// How many calls of an endpoint may be under way, and how long each may take.
    private static let (atOnce, limit) = (2, Duration.seconds(1))

    /// - Parameter release: What a handler that never returns waits for, whatever happens to its call.
    private static func service(_ release: AsyncStream<Void>, _ stuck: AsyncStream<Void>.Continuation) -> MicroService {
        var service = MicroService("test.faults")
        service.configuration.logger.logLevel = .critical
        service.handle("Plain.Echo") { (request: String, _) in request }
        service.handle("Plain.Throw") { (_: String, _) -> String in throw Broken() }
        // Bytes, which nobody encodes: that would hold up the event loops that other tests share.
        service.handle("Plain.Huge") { (_: [UInt8], _) in [UInt8](repeating: 7, count: self.hundredMegabytes) }
        service.handle("Plain.Take") { (_: [UInt8], _) -> [UInt8] in [] }
        service.handle("Plain.Never") { (request: String, _) -> String in
            stuck.yield()
            // A task of its own: it hears of no cancellation.
            await Task { for await _ in release {} }.value
            return request
        }
        service.limit("Plain.Never") {
            $0.maximumConcurrentCalls = self.atOnce
            $0.timeout = self.limit
        }
        return service
    }

    private static func failure(_ client: MicroClient, _ endpoint: String) async -> MicroError? {
        do {
            let _: String = try await client.call("test.faults", endpoint, "x") { $0.timeout = .seconds(120) }
            return nil
        } catch {
            return error as? MicroError
        }
    }

    private static func failure(_ client: MicroClient, _ endpoint: String, bytes: [UInt8]) async -> MicroError? {
        do {
            _ = try await client.call("test.faults", endpoint, bytes: bytes, codec: .bytes) {
                $0.timeout = .seconds(120)
            }
            return nil
        } catch {
            return error as? MicroError
        }
    }

    /// Calls that have nothing wrong with them, in several tasks, while `body` runs.
    private static func whileOthersCall(
        _ client: MicroClient, _ body: () async throws -> Void
    ) async throws {
        let others = (0..<4).map { number in
            Task {
                var count = 0
                while !Task.isCancelled {
                    let answer: String
                    do {
                        answer = try await client.call("test.faults", "Plain.Echo", "\(number)") {
                            $0.timeout = .seconds(120)
                        }
                    } catch is CancellationError {
                        break
                    }
                    guard answer == "\(number)" else { throw Broken() }
                    count += 1
                }
                return count
            }
        }
        let result: Result<Void, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        for task in others { task.cancel() }
        for task in others {
            let count = try await task.value
            #expect(count > 0)
        }
        try result.get()
    }

    @Test func theyEndTheirOwnCallsAndNoOther() async throws {
        let (release, releasing) = AsyncStream.makeStream(of: Void.self)
        let (stuck, sticking) = AsyncStream.makeStream(of: Void.self)
        try await Self.service(release, sticking).test(.loopback) { client in
            try await Self.whileOthersCall(client) {
                for _ in 0..<20 {
                    let thrown = await Self.failure(client, "Plain.Throw")
                    #expect(thrown == MicroError(.internalServerError, "Broken()", id: "test.faults"))
                }
                for _ in 0..<3 {
                    let reply = await Self.failure(client, "Plain.Huge", bytes: [])
                    #expect(reply?.grpcStatusCode == 8, "\(String(describing: reply))")
                }
                let huge = [UInt8](repeating: 7, count: Self.hundredMegabytes)
                let request = await Self.failure(client, "Plain.Take", bytes: huge)
                #expect(request?.grpcStatusCode == 8, "\(String(describing: request))")

                // As many as may stand there do, one more is refused, and all are told when their time is over.
                let standing = (0..<Self.atOnce).map { _ in Task { await Self.failure(client, "Plain.Never") } }
                var count = 0
                for await _ in stuck {
                    count += 1
                    if count == Self.atOnce { break }
                }
                let refused = await Self.failure(client, "Plain.Never")
                #expect(refused?.code == .tooManyRequests && refused?.grpcStatusCode == 8)
                for call in standing { #expect(await call.value?.code == .timeout) }
                // The handlers stand there still: their places are not free though their callers are gone.
                let again = await Self.failure(client, "Plain.Never")
                #expect(again?.code == .tooManyRequests)
            }
            releasing.finish()
        }
    }
}
