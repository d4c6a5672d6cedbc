// SPDX-License-Identifier: Apache-2.0

import Martlet

struct Question: Codable { var text: String }
struct Answer: Codable {
    var text: String
    var by: String
}

/// Three nodes of one service, one of them slow and one that fails, and a client that neither waits nor fails with
/// them. `swift run Resilience` runs it to its end.
@main struct Resilience {
    static func main() async throws {
        let registry = InMemoryRegistry()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for name in ["well", "slow", "sick"] {
                let service = self.service(name, registry)
                group.addTask { try await service.run() }
            }
            try await Task.sleep(for: .milliseconds(200))
            try await withMicroClient(
                registry: registry,
                configure: {
                    // Whoever hasn't answered by then gets company: the first answer counts.
                    $0.hedging = CallHedgingPolicy(delay: .milliseconds(50))
                    // A node that fails so often in a row is left alone for a while, longer each time.
                    $0.breaker.failures = 3
                    $0.breaker.firstPause = .seconds(1)
                    $0.retries.rounds = 3
                }
            ) { try await self.ask($0) }
            group.cancelAll()
        }
    }

    static func service(_ name: String, _ registry: InMemoryRegistry) -> MicroService {
        var service = MicroService("oracle", registry: registry) { $0.address = "127.0.0.1:0" }
        service.handle("Oracle.Ask") { (question: Question, context) in
            if name == "slow" { try await Task.sleep(for: .seconds(2)) }
            if name == "sick" { throw MicroError(.unavailable, "not today") }
            return Answer(text: "maybe", by: name)
        }
        return service
    }

    static func ask(_ client: MicroClient) async throws {
        for number in 1...9 {
            let start = ContinuousClock.now
            do {
                let answer: Answer = try await client.call("oracle", "Oracle.Ask", Question(text: "why?")) {
                    $0.isIdempotent = true
                }
                print("\(number): \(answer.text), by \(answer.by), after \(start.duration(to: .now))")
            } catch let error as MicroError {
                print("\(number): \(error.code.rawValue) \(error.detail), after \(start.duration(to: .now))")
            }
        }
    }
}
