// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletEmbedded
import Synchronization

struct Question: Codable { var text: String }
struct Answer: Codable {
    var text: String
    var by: String
}

/// Three nodes of one service, one of them slow and one that fails, and a client that neither waits nor fails with
/// them. `swift run Resilience` runs it to its end.
@main struct Resilience {
    static let questions = 30
    /// How often the node that fails was asked.
    static let failures = Atomic(0)

    static func main() async throws {
        try await MartletStore.with { store in
            let services = ["well", "slow", "sick"].map { self.service($0, store) }
            try await withMicroServices(services) {
                try await withMicroClient(
                    store: store,
                    configure: {
                        // Whoever hasn't answered by then gets company: the first answer counts.
                        $0.hedging = CallHedgingPolicy(delay: .milliseconds(50))
                        // A node that fails so often in a row is left alone for a while, longer each time.
                        $0.breaker.failures = 3
                        $0.breaker.firstPause = .seconds(30)
                        $0.retries.rounds = 3
                    }
                ) { try await self.ask($0) }
            }
        }
    }

    static func service(_ name: String, _ store: MartletStore) -> MicroService {
        var service = MicroService("oracle", store: store) { $0.address = "127.0.0.1:0" }
        service.handle("Oracle.Ask") { (question: Question, context) in
            if name == "slow" { try await Task.sleep(for: .seconds(2)) }
            if name == "sick" {
                self.failures.add(1, ordering: .relaxed)
                throw MicroError(.unavailable, "not today")
            }
            return Answer(text: "maybe", by: name)
        }
        return service
    }

    static func ask(_ client: MicroClient) async throws {
        var answers: [String: Int] = [:]
        var slowest = Duration.zero
        for _ in 1...self.questions {
            let start = ContinuousClock.now
            let answer: Answer = try await client.call("oracle", "Oracle.Ask", Question(text: "why?")) {
                $0.isIdempotent = true
            }
            slowest = max(slowest, start.duration(to: .now))
            answers[answer.by, default: 0] += 1
        }
        for (node, count) in answers { print("\(count) of \(self.questions) answers are those of the node \(node)") }
        print("the slowest \(slowest < .seconds(1) ? "didn't wait" : "waited") for the node that is slow")
        print("the node that is sick was asked \(self.failures.load(ordering: .relaxed)) times, and then left alone")
    }
}
