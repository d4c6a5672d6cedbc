// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Logging
import Martlet
import MartletEtcd
import MartletGRPCWire
import Synchronization

/// The demonstration's store: `martlet server` that reports its address and ends with its parent.
struct DemoServerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo-server", abstract: "The store of the demonstration.", shouldDisplay: false)

    /// The demonstration's files, which the parent removes, or this process if the parent can't any more.
    @Option var folder: String

    mutating func run() async throws {
        let ending = await Ending(watchesInput: true)
        // The port everyone knows, if it is free: then the line to paste is the one people know as well.
        let server: ServerRun
        do {
            server = try await start(port: 2379, ending)
        } catch  where ListenPorts.isInUse(error) {
            server = try await start(port: 0, ending)
        }
        DemoReport.listening(address: server.addresses[0].text).send()
        let reason = await ending.wait()
        await server.stop()
        if case .inputEnded = reason { try? FileManager.default.removeItem(atPath: folder) }
        if case .failed = reason { throw ExitCode(1) }
    }

    private func start(port: Int, _ ending: Ending) async throws -> ServerRun {
        let flags = try ServerFlags(arguments: [
            "--name=demo", "--listen-client-urls=http://127.0.0.1:\(port)", "--data-dir=\(folder)/data",
            "--log-format=console",
        ])
        let options = try ServerOptions(flags)
        return try await ServerRun.start(options, logger: try ServerCommand.logger(options)) { _ in
            ending.end(.failed)
        }
    }
}

/// A Greeter of the demonstration, which reports when a call begins and ends.
struct DemoGreeterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo-greeter", abstract: "A Greeter of the demonstration.", shouldDisplay: false)

    @Option var registry: String
    @Option(name: .customLong("as")) var name: String

    mutating func run() async throws {
        let ending = await Ending(watchesInput: true)
        let name = name
        var service = MicroService(DemoService.name, version: "demo", registry: .etcd(registry)) {
            $0.address = "127.0.0.1:0"
            $0.registration = .init(ttl: DemoPlan.registrationTTL, interval: DemoPlan.registrationInterval)
            $0.metadata = ["greeter": name]
            $0.logger = Logger(label: "martlet.service") { _ in EventLog(format: .console, level: .info) }
            $0.afterStart = { node in DemoReport.serving(address: node.address).send() }
        }
        service.handle(DemoService.endpoint) { (request: HelloRequest, _) in
            if let call = request.call {
                DemoReport.began(call: call, atNanoseconds: MonotonicTime.nanoseconds).send()
            }
            try await Task.sleep(for: DemoPlan.handlerTime)
            if let call = request.call { DemoReport.ended(call: call).send() }
            return HelloResponse(greeting: "Hello \(request.name), this is Greeter \(name)", by: name)
        }
        let running = Task { [service] in try await service.run() }
        _ = await ending.wait()
        running.cancel()
        try await running.value
    }
}

/// The demonstration's client: a call each time it is due, whether or not earlier ones are answered.
struct DemoClientCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo-client", abstract: "The client of the demonstration.", shouldDisplay: false)

    @Option var registry: String
    @Option var rate: Int

    mutating func run() async throws {
        let ending = await Ending(watchesInput: true)
        let client = MicroClient(registry: .etcd(registry)) {
            $0.logger = Logger(label: "martlet.client") { _ in EventLog(format: .console, level: .info) }
        }
        let isOver = Flag()
        let interval = Duration.seconds(1) / rate
        await withDiscardingTaskGroup { calls in
            calls.addTask {
                _ = await ending.wait()
                isOver.raise()
            }
            let start = ContinuousClock.now
            var number = 0
            while !isOver.isRaised {
                number += 1
                calls.addTask { [number] in await Self.call(client, number) }
                try? await Task.sleep(until: start + interval * number, clock: .continuous)
            }
        }
        await client.close()
    }

    private static func call(_ client: MicroClient, _ number: Int) async {
        let start = ContinuousClock.now
        func microseconds() -> UInt64 { UInt64(start.duration(to: .now) / .microseconds(1)) }
        do {
            let reply: HelloResponse = try await client.call(
                DemoService.name, DemoService.endpoint, HelloRequest(name: "John", call: number)
            ) { $0.isIdempotent = true }
            DemoReport.answered(
                call: number, by: reply.by, greeting: reply.greeting, microseconds: microseconds()
            ).send()
        } catch {
            DemoReport.failed(call: number, error: "\(error)", microseconds: microseconds()).send()
        }
    }
}

/// Something that happens once, told to another task.
private final class Flag: Sendable {
    private let value = Atomic(false)

    func raise() { value.store(true, ordering: .relaxed) }
    var isRaised: Bool { value.load(ordering: .relaxed) }
}
