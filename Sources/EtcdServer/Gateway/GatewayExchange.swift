// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire
import NIOCore

/// One request to the gateway and its answer, from the client's side of the call.
struct GatewayExchange: Sendable {
    private let call: GatewayCall
    private var reader: RequestReader
    private let responseType: Int
    /// The client was told how the stream failed.
    private var hasFailed = false

    init(call: GatewayCall, reader: RequestReader, responseType: Int) {
        self.call = call
        self.reader = reader
        self.responseType = responseType
    }

    // MARK: One answer

    /// - Throws: how the call ended when it failed.
    func unary(_ method: EtcdMethods.Method, until limit: NIODeadline?) async throws(GRPCStatus) -> HTTP1Response {
        var exchange = self
        try await exchange.start(method, limit)
        do throws(GRPCStatus) {
            guard let message = try await exchange.next() else {
                throw GRPCStatus(.internalError, "the service answered nothing")
            }
            // The status, too, has to be good.
            _ = try await exchange.next()
            let json = try await json(message, isResult: false)
            return json.count > GatewayMemory.countedBytes
                ? GatewayAnswer.longMessage(json, of: call) : GatewayAnswer.message(json)
        } catch {
            cancel()
            throw error
        }
    }

    // MARK: A stream of answers

    /// The answer begins when the first message is there, or when there will be none.
    func streamed(_ method: EtcdMethods.Method, until limit: NIODeadline?) async throws(GRPCStatus) -> HTTP1Response {
        var exchange = self
        try await exchange.start(method, limit)
        let first: [UInt8]?
        do throws(GRPCStatus) {
            first = try await exchange.nextResult()
        } catch {
            cancel()
            return GatewayAnswer.streamFailure(error)
        }
        guard let first else { return GatewayAnswer.stream(nil) { _ in } }
        let rest = exchange
        return GatewayAnswer.stream(first) { writer in
            var exchange = rest
            do {
                while let message = try await exchange.nextOrEnd() {
                    try await writer.write(message)
                }
            } catch {
                rest.cancel()
                throw error
            }
        }
    }

    /// The next part of the body: a message, or the failure that ends it; nil at the end.
    private mutating func nextOrEnd() async throws -> [UInt8]? {
        guard !hasFailed else { return nil }
        do throws(GRPCStatus) {
            return try await nextResult()
        } catch {
            cancel()
            // A client that has gone isn't told anything.
            try Task.checkCancellation()
            hasFailed = true
            return GatewayAnswer.streamEnd(error)
        }
    }

    private mutating func nextResult() async throws(GRPCStatus) -> [UInt8]? {
        guard let message = try await next() else { return nil }
        return try await json(message, isResult: true)
    }

    // MARK: The call

    private mutating func start(_ method: EtcdMethods.Method, _ limit: NIODeadline?) async throws(GRPCStatus) {
        let (reader, feed) = await GatewayPool.run(byteCount: reader.remainingBytes) { [reader] in
            var reader = reader
            let feed = reader.first()
            return (reader, feed)
        }
        self.reader = reader
        let messages = try feed.get()
        if let limit, limit <= .now() { throw .deadlineExceeded }
        await onLoop { call in call.start(method, until: limit, messages) }
    }

    /// The service's next message, nil behind its last. The client's own messages are handed on as the service answers
    /// the earlier ones, so that they and their answers don't pile up.
    ///
    /// - Throws: how the call ended when it failed.
    private mutating func next() async throws(GRPCStatus) -> [UInt8]? {
        while !reader.isAtEnd, call.messages.isEmpty {
            let (reader, feed) = await GatewayPool.run(byteCount: reader.remainingBytes) { [reader] in
                var reader = reader
                let feed = reader.more()
                return (reader, feed)
            }
            self.reader = reader
            await onLoop { call in call.receive(feed) }
        }
        do {
            return try await MessageReader(messages: call.messages).next()
        } catch {
            throw GRPCStatus(describing: error)
        }
    }

    /// Nobody waits for the service any more; it is told, if it isn't done.
    private func cancel() {
        let call = call
        call.eventLoop.execute { call.cancel() }
    }

    private func onLoop(_ work: @escaping @Sendable (GatewayCall) -> Void) async {
        let call = call
        // Fails only when the loop has ended, and then nobody waits for an answer.
        try? await call.eventLoop.submit { work(call) }.get()
    }

    /// - Throws: status 13 for bytes that are no message, which no service sends.
    private func json(_ message: [UInt8], isResult: Bool) async throws(GRPCStatus) -> [UInt8] {
        let type = responseType
        let json = await GatewayPool.run(byteCount: message.count) { () -> Result<[UInt8], GRPCStatus> in
            do throws(GatewayFault) {
                var json = isResult ? GatewayAnswer.resultPrefix : []
                try ResponseTranscoder.append(message, type, schema: .etcd, to: &json)
                if isResult { json += GatewayAnswer.resultSuffix }
                return .success(json)
            } catch {
                return .failure(GRPCStatus(.internalError, error.message))
            }
        }
        return try json.get()
    }
}
