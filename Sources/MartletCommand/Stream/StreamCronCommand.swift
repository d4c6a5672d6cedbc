// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
package import MartletRedisClient

/// `martlet stream cron`
struct StreamCronCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cron", abstract: "Have entries put into a stream again and again. Martlet alone.",
        subcommands: [StreamCronSetCommand.self, StreamCronListCommand.self, StreamCronRemoveCommand.self])
}

/// `martlet stream cron set STREAM JOB SCHEDULE FIELD=VALUE…`
struct StreamCronSetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Set a job, anew or for the first time, and print when it runs next.",
        discussion: """
            The moment is in milliseconds of the Unix clock. Each run is one entry, never two.

              martlet stream cron set reports nightly '30 2 * * *' kind=full --zone Europe/Berlin
              martlet stream cron set pulse beat '@every 90s' n=1
            """)

    @Argument(help: "The stream.")
    var stream: String

    @Argument(help: "The job's name.")
    var job: String

    @Argument(help: "As in a crontab, with a second in front or without; @daily and the like; '@every 90s'.")
    var schedule: String

    @Argument(help: "Fields of its entries and their values.", transform: StreamWord.field)
    var fields: [RedisField]

    @Option(help: "Whose clocks the schedule is of: Europe/Berlin, or +05:30; UTC without it.")
    var zone: String?

    @Option(help: "Runs that are later than this are left out: 5m; a day without it.", transform: StreamWord.time)
    var grace: Duration?

    @Option(help: "How urgent the entries are, from 0 to 9.", transform: StreamWord.priority)
    var priority: Int?

    @OptionGroup var server: StreamServerOption

    mutating func run() async throws {
        let command = self
        try await server.with { client in
            let next = try await client.xcronSet(
                command.stream, command.job, command.schedule, command.fields, zone: command.zone,
                grace: command.grace, priority: command.priority)
            StandardStream.output.writeLine("\(next)")
        }
    }
}

/// `martlet stream cron ls STREAM`
struct StreamCronListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "List what recurs in a stream, the next one first.")

    @Argument(help: "The stream.")
    var stream: String

    @OptionGroup var server: StreamServerOption
    @OptionGroup var output: OutputOption

    mutating func run() async throws {
        let (stream, output) = (stream, output)
        try await server.with { client in
            let jobs = try await client.xcronList(stream)
            for line in StreamText.jobs(jobs, asJSON: output.isJSON) { StandardStream.output.writeLine(line) }
        }
    }
}

/// `martlet stream cron rm STREAM JOB`
struct StreamCronRemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm", abstract: "Remove a job; its entries stay.")

    @Argument(help: "The stream.")
    var stream: String

    @Argument(help: "The job's name.")
    var job: String

    @OptionGroup var server: StreamServerOption

    mutating func run() async throws {
        let (stream, job) = (stream, job)
        try await server.with { client in
            if try await client.xcronDelete(stream, job) { return }
            StandardStream.error.writeLine("\(stream) has no job \(job)")
            throw ExitCode.failure
        }
    }
}

extension StreamText {
    /// Moments are milliseconds of the Unix clock, as in entries' IDs.
    package static func jobs(_ jobs: [RedisJob], asJSON: Bool) -> [String] {
        if asJSON {
            return jobs.map { job in
                JSONLine.object(values: [
                    ("job", JSONLine.string(job.name)), ("schedule", JSONLine.string(job.schedule)),
                    ("clock", JSONLine.string(clock(job))), ("priority", "\(job.priority)"), ("next", "\(job.next)"),
                    ("last", job.last.map { "\($0)" } ?? "null"), ("runs", "\(job.runCount)"),
                    ("skipped", "\(job.skippedCount)"),
                ])
            }
        }
        var table = TextTable([
            ("JOB", .left), ("SCHEDULE", .left), ("CLOCK", .left), ("PRIORITY", .right), ("NEXT", .right),
            ("LAST", .right), ("RUNS", .right), ("SKIPPED", .right),
        ])
        for job in jobs {
            table.add([
                job.name, job.schedule, clock(job), "\(job.priority)", "\(job.next)", job.last.map { "\($0)" } ?? "-",
                "\(job.runCount)", "\(job.skippedCount)",
            ])
        }
        return table.lines
    }

    /// `Europe/Berlin`, `UTC` or `+05:30`.
    private static func clock(_ job: RedisJob) -> String {
        if let zone = job.zone { return zone }
        let minutes = job.offset.components.seconds / 60
        if minutes == 0 { return "UTC" }
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(minutes < 0 ? "-" : "+")\(two(abs(minutes) / 60)):\(two(abs(minutes) % 60))"
    }
}
