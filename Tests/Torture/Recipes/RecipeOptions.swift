// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletTestPrograms

/// Which recipe on transactions over keys and streams is tortured, how, and for how long.
package struct RecipeOptions: Sendable {
    package enum Recipe: String, Sendable, CaseIterable {
        /// A change of a key that is published: both or neither.
        case outbox
        /// A message that has its effect once, whoever dies.
        case exactlyOnce = "exactly-once"
    }

    /// What is wrong with a recipe on purpose: checks that don't find it are worth nothing.
    package enum Wrong: String, Sendable, CaseIterable {
        /// The key first and then the message; the effects first and then the acknowledgement.
        case twoSteps = "two-steps"
        /// The acknowledgement first and then the effects. Of exactly-once alone.
        case ackFirst = "ack-first"
        /// In one step, whether or not the messages are still this consumer's. Of exactly-once alone.
        case noCondition = "no-condition"
    }

    package var recipe: Recipe
    package var seed: UInt64 = 1
    package var wrong: Wrong?
    /// Kills of servers, of the outbox.
    package var kills = 1_000
    /// Messages, of exactly-once.
    package var messages = 1_000_000
    /// Processes that take messages.
    package var workers = 4
    /// Messages that are settled in one step.
    package var batch = 25
    /// The members of the cluster that workers use.
    package var members = 3
    /// When it ends, whatever has been reached: then a claim is broken.
    package var limit: Duration?
    /// Of the server, where it isn't the one beside this program.
    package var server: String?
    /// Whether SIGINT and SIGTERM end the members, and this process: for a program that does nothing else.
    package var endsOnSignals = false
    /// Whether what happens is printed.
    package var isTold = true

    package init(_ recipe: Recipe) { self.recipe = recipe }

    /// Transactions take 128 operations, and two are none of messages.
    package static let batchMax = 126
    package static let messagesMax = 100_000_000

    package static let usage = """
               MartletTorture outbox [--kills N] [--seed N] [--minutes N] [--server PATH] [--wrong two-steps]
               MartletTorture exactly-once [--messages N] [--workers N] [--batch N] [--members N] [--seed N]
                              [--minutes N] [--server PATH] [--wrong \(Wrong.allCases.map(\.rawValue)
                                  .joined(separator: "|"))]
        """

    /// Of a command line; `nil` where it isn't about a recipe.
    package init?(_ arguments: [String], randomSeed: UInt64) throws {
        guard let recipe = arguments.first.flatMap({ Recipe(rawValue: $0) }) else { return nil }
        self.recipe = recipe
        seed = randomSeed
        var rest = arguments.dropFirst()
        while let name = rest.popFirst() {
            guard let value = rest.popFirst() else {
                throw TortureOptions.Wrong(description: "\(name) needs a value")
            }
            switch (name, recipe) {
            case ("--kills", .outbox): kills = try TortureOptions.number(name, value, 1...100_000)
            case ("--messages", .exactlyOnce):
                messages = try TortureOptions.number(name, value, 1...Self.messagesMax)
            case ("--workers", .exactlyOnce): workers = try TortureOptions.number(name, value, 1...64)
            case ("--batch", .exactlyOnce): batch = try TortureOptions.number(name, value, 1...Self.batchMax)
            case ("--members", .exactlyOnce):
                members = try TortureOptions.number(name, value, 1...TortureOptions.membersMax)
            case ("--minutes", _): limit = .seconds(60 * (try TortureOptions.number(name, value, 1...1_440)))
            case ("--seed", _):
                guard let number = UInt64(value) else {
                    throw TortureOptions.Wrong(description: "\(name) \(value) is no number")
                }
                seed = number
            case ("--server", _): server = value
            case ("--wrong", _):
                guard let wrong = Wrong(rawValue: value), recipe == .exactlyOnce || wrong == .twoSteps else {
                    throw TortureOptions.Wrong(description: "what can be wrong with \(recipe.rawValue) is not \(value)")
                }
                self.wrong = wrong
            default: throw TortureOptions.Wrong(description: "what is \(name) to \(recipe.rawValue)?")
            }
        }
    }

    /// The program that is killed.
    func serverProgram() throws -> String {
        if let server {
            guard FileManager.default.isExecutableFile(atPath: server) else {
                throw TortureOptions.Wrong(description: "\(server) is no program")
            }
            return server
        }
        guard let program = TortureOptions.Peer.martlet.kind.binary else {
            throw TortureOptions.Wrong(description: "there is no martlet beside this program; --server names one")
        }
        return program
    }
}
