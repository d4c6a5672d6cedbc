// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletWireFuzz
import Testing

/// Everything that fuzzing has found or might, again.
@Suite(.timeLimit(.minutes(30))) struct FuzzCorpusTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures/FuzzCorpus").path

    @Test func replays() {
        let corpus = FuzzCorpus(folder: Self.folder)
        #expect(Set(corpus.inputs.map(\.target)) == Set(FuzzTarget.allCases), "every target has inputs")
        corpus.replay()
    }

    @Test func shortRun() {
        let seed = testSeed()
        let corpus = FuzzCorpus(folder: Self.folder)
        let targets = FuzzTargets()
        for index in 0..<3_000 { targets.execute(seed: seed, index: UInt64(index), corpus: corpus, target: nil) }
    }
}
