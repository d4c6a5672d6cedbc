// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Logging
import Martlet
import MartletRedisClient

/// Which server of streams a command asks.
struct StreamServerOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The server: host:port, unix:/path or redis://user:password@host:port/database; several with commas.",
            discussion: "Without it MICRO_BROKER_ADDRESS counts, else 127.0.0.1:6379.", valueName: "address"))
    var server: String?

    /// Runs `body` with a client; an error is printed, and ends the command with code 1.
    func with(_ body: (RedisClient) async throws -> Void) async throws {
        let text = server ?? ProcessInfo.processInfo.environment["MICRO_BROKER_ADDRESS"] ?? ""
        let addresses = text.split(separator: ",").map { $0.trimmed }.filter { !$0.isEmpty }
        do {
            try await withRedisClient {
                if !addresses.isEmpty { $0.addresses = addresses }
                $0.name = "martlet"
                $0.logger = RegistryOption.logger
            } _: {
                try await body($0)
            }
        } catch let error as RedisError {
            StandardStream.error.writeLine(error.message)
            throw ExitCode.failure
        }
    }
}

/// Words of the line that mean something.
enum StreamWord {
    /// An entry's ID.
    @Sendable static func id(_ text: String) throws -> RedisStreamID {
        guard let id = RedisStreamID(text) else { throw ValidationError("\"\(text)\" is no ID of an entry") }
        return id
    }

    /// `item=tea`
    @Sendable static func field(_ text: String) throws -> RedisField {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw ValidationError("\"\(text)\" is no FIELD=VALUE") }
        return RedisField(String(parts[0]), String(parts[1]))
    }

    /// `90`, `90s`, `1m30s`, `500ms`; the server counts milliseconds.
    @Sendable static func time(_ text: String) throws -> Duration {
        guard let time = GoDuration.parse(text), time >= .milliseconds(1) else {
            throw ValidationError("\"\(text)\" is no time such as 90s, 1m30s or 500ms")
        }
        return time
    }

    /// `1793526000000` or `2026-11-01T09:00:00Z`, in milliseconds of the Unix clock.
    @Sendable static func moment(_ text: String) throws -> Int64 {
        if let moment = Int64(text) { return moment }
        guard let date = try? Date(text, strategy: .iso8601) else {
            throw ValidationError("\"\(text)\" is no moment: milliseconds of the Unix clock, or 2026-11-01T09:00:00Z")
        }
        return Int64((date.timeIntervalSince1970 * 1000).rounded())
    }

    @Sendable static func priority(_ text: String) throws -> Int {
        guard let priority = Int(text), 0...9 ~= priority else { throw ValidationError("--priority is 0 to 9") }
        return priority
    }
}
