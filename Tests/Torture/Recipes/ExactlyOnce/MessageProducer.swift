// SPDX-License-Identifier: Apache-2.0

import MartletEmbedded

/// Publishes a range of numbers, each once, by the outbox: a key says how far it has come, in the same step.
struct MessageProducer {
    let store: MartletStore
    let number: Int
    let range: Range<Int>

    /// A transaction takes 128 operations.
    private static let batch = 100

    /// Runs until all are published, or it is cancelled.
    func run() async throws {
        while !Task.isCancelled {
            do {
                let next = try await store.update(
                    WorkPlaces.produced(number), publishingTo: WorkPlaces.messages
                ) { present in
                    let start = present ?? range.lowerBound
                    let end = min(start + Self.batch, range.upperBound)
                    return (end, (start..<end).map { WorkPlaces.Message(number: $0) })
                }
                if next >= range.upperBound { return }
            } catch {
                guard Recipes.isExpected(error) else { throw error }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
        throw CancellationError()
    }
}
