// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletBasics

/// Inputs that were worth keeping: one file each, named `TARGET-WHAT.bin`.
package struct FuzzCorpus: Sendable {
    package struct Input: Sendable {
        package var name: String
        package var target: FuzzTarget
        package var bytes: [UInt8]
    }

    package var inputs: [Input]
    private var byTarget: [FuzzTarget: [Int]] = [:]

    package init(inputs: [Input]) {
        self.inputs = inputs
        for (index, input) in inputs.enumerated() { self.byTarget[input.target, default: []].append(index) }
    }

    package init(folder: String) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        self.init(
            inputs: names.sorted().compactMap { name in
                guard name.hasSuffix(".bin"), let target = FuzzTarget(fileName: name),
                    let data = FileManager.default.contents(atPath: "\(folder)/\(name)")
                else { return nil }
                return Input(name: name, target: target, bytes: [UInt8](data))
            })
    }

    /// An input of `target` in one of four executions, to be mutated.
    func pick(_ target: FuzzTarget, _ random: inout SeededRandom) -> [UInt8]? {
        guard let candidates = self.byTarget[target], random.next() % 4 == 0 else { return nil }
        return self.inputs[candidates[Int(random.next() % UInt64(candidates.count))]].bytes
    }

    /// Every input whole, and cut in many ways.
    package func replay() {
        let targets = FuzzTargets()
        for input in self.inputs {
            for seed in 0..<16 {
                var random = SeededRandom(seed: UInt64(seed))
                targets.run(input.target, input.bytes, &random)
            }
        }
    }
}
