// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MartletRedisClient

/// `martlet stream policy STREAM GROUP`
struct StreamPolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "Say what a group does of itself, or print it. Martlet alone.",
        discussion: """
            What is given goes for the whole of it: what isn't given the group doesn't do.

              martlet stream policy orders billing --visibility 30s --deliveries 5 --dead-letters orders.dead
              martlet stream policy orders billing --order-by customer
              martlet stream policy orders billing --off
            """)

    @Argument(help: "The stream.")
    var stream: String

    @Argument(help: "The group.")
    var group: String

    @Option(
        help: "What isn't acknowledged after so long goes to the next reader: 30s, 5m.", transform: StreamWord.time)
    var visibility: Duration?

    @Option(help: "What was delivered so often is put among the dead letters.")
    var deliveries: Int?

    @Option(help: "The stream of dead letters; with --deliveries.")
    var deadLetters: String?

    @Option(help: "Consumers that ask for nothing for so long go, and give back.", transform: StreamWord.time)
    var idleConsumers: Duration?

    @Option(help: "Of entries with the same value in this field one is out at a time, in their order.")
    var orderBy: String?

    @Flag(help: "The most urgent first, by the priorities of entries; goes not with --order-by.")
    var urgentFirst = false

    @Option(
        help: "Pass over entries without this FIELD=VALUE; several: without one of them.", transform: StreamWord.field)
    var filter: [RedisField] = []

    @Flag(help: "Do nothing of itself.")
    var off = false

    @OptionGroup var server: StreamServerOption

    private var policy: RedisGroupPolicy {
        var policy = RedisGroupPolicy()
        policy.visibility = visibility
        policy.maximumDeliveries = deliveries
        policy.deadLetterStream = deadLetters
        policy.idleConsumers = idleConsumers
        policy.orderField = orderBy
        policy.prefersUrgent = urgentFirst
        policy.filter = filter
        return policy
    }

    mutating func validate() throws {
        if off, policy != RedisGroupPolicy() { throw ValidationError("--off goes with no other") }
        guard (deliveries == nil) == (deadLetters == nil) else {
            throw ValidationError("--deliveries and --dead-letters go together")
        }
    }

    mutating func run() async throws {
        let (stream, group, policy, off) = (stream, group, policy, off)
        try await server.with { client in
            if off || policy != RedisGroupPolicy() {
                return try await client.xgroupSetPolicy(stream, group, policy)
            }
            guard let found = try await client.xinfoGroups(stream).first(where: { $0.name == group }) else {
                StandardStream.error.writeLine("\(stream) has no group \(group)")
                throw ExitCode.failure
            }
            StandardStream.output.writeLine(found.policy.map { StreamText.policy($0) } ?? "off")
        }
    }
}

/// `martlet stream replay DEADLETTERS STREAM`
struct StreamReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Put dead letters back into the stream they came from, and print how many went. Martlet alone.")

    @Argument(help: "The stream of dead letters.")
    var deadLetters: String

    @Argument(help: "The stream that they go to.")
    var stream: String

    @Option(help: "Of so many of the oldest.")
    var count = 100

    @Flag(help: "Those, too, that came from elsewhere.")
    var any = false

    @OptionGroup var server: StreamServerOption

    mutating func validate() throws {
        guard count > 0 else { throw ValidationError("--count is 1 or more") }
    }

    mutating func run() async throws {
        let command = self
        try await server.with { client in
            let count = try await client.xreplay(
                command.deadLetters, to: command.stream, count: command.count, takesAny: command.any)
            StandardStream.output.writeLine("\(count)")
        }
    }
}
