// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Logging
import MartletRedisClient

/// The demonstration's server: `martlet server` that ends with its parent.
struct QueueServerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo-queue-server", abstract: "The server of the demonstration of queues.", shouldDisplay: false)

    /// The demonstration's files, which the parent removes, or this process if the parent can't any more.
    @Option var folder: String
    @Option var port: Int

    mutating func run() async throws {
        let ending = await Ending(watchesInput: true)
        let flags = try ServerFlags(arguments: [
            "--name=demo", "--listen-client-urls=http://127.0.0.1:0", "--data-dir=\(folder)/data",
            "--listen-stream-urls=redis://127.0.0.1:\(port)", "--log-format=console",
        ])
        let options = try ServerOptions(flags)
        let server = try await ServerRun.start(options, logger: try ServerCommand.logger(options)) { _ in
            ending.end(.failed)
        }
        QueueReport.listening(port: port).send()
        let reason = await ending.wait()
        await server.stop()
        if case .inputEnded = reason { try? FileManager.default.removeItem(atPath: folder) }
        if case .failed = reason { throw ExitCode(1) }
    }
}

/// A worker of the demonstration.
struct QueueWorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo-queue-worker", abstract: "A worker of the demonstration of queues.", shouldDisplay: false)

    @Option var port: Int
    @Option(name: .customLong("as")) var name: String

    private struct Poisoned: Error {}

    mutating func run() async throws {
        let ending = await Ending(watchesInput: true)
        var options = RedisConsumerOptions(stream: QueuePlan.stream, group: QueuePlan.group, consumer: name)
        options.maximumConcurrentMessages = QueuePlan.concurrency
        options.claimAfter = QueuePlan.claimAfter
        options.claimInterval = .milliseconds(200)
        options.maximumDeliveries = QueuePlan.maximumDeliveries
        options.redeliveryDelay = .milliseconds(50)
        options.deadLetterStream = QueuePlan.deadLetters
        let chosen = options
        try await withRedisClient("127.0.0.1:\(port)") {
            $0.timeout = .seconds(15)
            $0.logger = Logger(label: "martlet.worker") { _ in EventLog(format: .console, level: .info) }
        } _: { client in
            QueueReport.working.send()
            let work = Task {
                try await client.consume(chosen) { message in
                    guard let number = message.entry.text("number").flatMap({ Int($0) }) else { throw Poisoned() }
                    QueueReport.began(number: number, delivery: message.deliveries).send()
                    try await Task.sleep(for: QueuePlan.handlerTime)
                    if number == QueuePlan.poison { throw Poisoned() }
                    QueueReport.handled(number: number).send()
                }
            }
            _ = await ending.wait()
            work.cancel()
            try await work.value
        }
    }
}

/// The demonstration's producer: a message each time it is due, each until the server says that it has it.
struct QueueProducerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo-queue-producer", abstract: "The producer of the demonstration of queues.",
        shouldDisplay: false)

    @Option var port: Int
    @Option var count: Int

    mutating func run() async throws {
        let ending = await Ending(watchesInput: true)
        let (port, count) = (port, count)
        let producing = Task {
            try await withRedisClient("127.0.0.1:\(port)") {
                $0.timeout = .seconds(15)
                $0.logger = Logger(label: "martlet.producer") { _ in EventLog(format: .console, level: .info) }
            } _: { client in
                let start = ContinuousClock.now
                try await withThrowingDiscardingTaskGroup { group in
                    for number in 1...count {
                        try await Task.sleep(
                            until: start + Duration.seconds(1) * (number - 1) / QueuePlan.rate, clock: .continuous)
                        group.addTask { try await Self.produce(client, number) }
                    }
                }
            }
            QueueReport.producedAll.send()
        }
        _ = await ending.wait()
        producing.cancel()
        _ = await producing.result
    }

    /// Named, so that the server knows it when it comes twice: while the server is away nobody can tell.
    private static func produce(_ client: RedisClient, _ number: Int) async throws {
        let id = try await client.xadd(QueuePlan.stream, ["number": number]) {
            $0.idempotency = .id("\(number)", producer: "demo")
        }
        if let id { QueueReport.produced(number: number, id: "\(id)").send() }
    }
}
