// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire

/// What the bench server answers.
///
/// | path | what it does |
/// |---|---|
/// | `/Bench/Echo` | an async handler that returns its message |
/// | `/Bench/EchoEvent` | the same without a task, on the event loop |
/// | `/Bench/EchoRich` | an async handler inside two interceptors, which calls an actor |
/// | `/Bench/Hold` | a stream that answers each message and waits for the next, as a watch does |
enum BenchRoutes {
    private actor Counter {
        private var count = 0

        func next() -> Int {
            self.count += 1
            return self.count
        }
    }

    private typealias Next = @Sendable (ServerCall, [UInt8]) async throws -> [UInt8]
    private typealias Interceptor = @Sendable (ServerCall, [UInt8], Next) async throws -> [UInt8]

    static func makeRouter() -> GRPCRouter {
        let counter = Counter()
        let pass: Interceptor = { call, message, next in try await next(call, message) }
        var router = GRPCRouter()
        router.add("/Bench/Echo", .unary { _, message in message })
        router.add("/Bench/EchoEvent", .unaryEvent { call, message in call.respond(message) })
        router.add(
            "/Bench/EchoRich",
            .unary { call, message in
                try await pass(call, message) { call, message in
                    try await pass(call, message) { _, message in
                        _ = await counter.next()
                        return message
                    }
                }
            })
        router.add(
            "/Bench/Hold",
            .stream { _, reader, writer in
                while let message = try await reader.next() { try await writer.write(message) }
            })
        return router
    }
}
