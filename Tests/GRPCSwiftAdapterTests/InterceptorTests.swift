// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import MartletGreeterFixture
import MartletGreeterGRPCFixture
import Testing

@Suite struct InterceptorTests {
    struct Noting: ServerInterceptor, ClientInterceptor {
        let name: String
        let log: EventLog

        func intercept<Input: Sendable, Output: Sendable>(
            request: StreamingServerRequest<Input>, context: ServerContext,
            next:
                @Sendable @concurrent (
                    StreamingServerRequest<Input>, ServerContext
                ) async throws -> StreamingServerResponse<Output>
        ) async throws -> StreamingServerResponse<Output> {
            self.log.note("> \(self.name) \(context.descriptor.method)")
            defer { self.log.note("< \(self.name)") }
            return try await next(request, context)
        }

        func intercept<Input: Sendable, Output: Sendable>(
            request: StreamingClientRequest<Input>, context: ClientContext,
            next:
                @concurrent (
                    StreamingClientRequest<Input>, ClientContext
                ) async throws -> StreamingClientResponse<Output>
        ) async throws -> StreamingClientResponse<Output> {
            self.log.note("> \(self.name) \(context.descriptor.method)")
            defer { self.log.note("< \(self.name)") }
            var request = request
            request.metadata.addString(self.name, forKey: "x-initial-via")
            return try await next(request, context)
        }
    }

    struct Refusing: ServerInterceptor {
        func intercept<Input: Sendable, Output: Sendable>(
            request: StreamingServerRequest<Input>, context: ServerContext,
            next:
                @Sendable @concurrent (
                    StreamingServerRequest<Input>, ServerContext
                ) async throws -> StreamingServerResponse<Output>
        ) async throws -> StreamingServerResponse<Output> {
            throw RPCError(code: .unauthenticated, message: "who are you?")
        }
    }

    @Test func runInTheirOrderOnBothSides() async throws {
        let log = EventLog()
        try await GreeterFixture.run(
            serverInterceptors: [
                .apply(Noting(name: "server 1", log: log), to: .all),
                .apply(Noting(name: "counts only", log: log), to: .methods([Greeter.Method.Count.descriptor])),
                .apply(Noting(name: "server 2", log: log), to: .services([.Greeter])),
            ],
            clientInterceptors: [Noting(name: "client 1", log: log), Noting(name: "client 2", log: log)]
        ) { (fixture: GreeterFixture) async throws in
            try await fixture.stub.hello(HelloRequest(name: "John")) { response in
                #expect(Array(response.metadata[stringValues: "x-initial-via"]) == ["client 1", "client 2"])
            }
        }
        #expect(
            log.all == [
                "> client 1 Hello", "> client 2 Hello", "> server 1 Hello", "> server 2 Hello", "< server 2",
                "< server 1", "< client 2", "< client 1",
            ])
    }

    @Test func mayRefuse() async throws {
        try await GreeterFixture.run(
            serverInterceptors: [.apply(Refusing(), to: .all)]
        ) { (fixture: GreeterFixture) async throws in
            let error = await #expect(throws: RPCError.self) { try await fixture.stub.hello(HelloRequest(name: "x")) }
            #expect(error?.code == .unauthenticated)
            #expect(error?.message == "who are you?")
        }
    }
}
