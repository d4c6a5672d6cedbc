// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletSimulation
import MartletTestPrograms
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The seed of a random test: from MARTLET_SEED, else a fixed one, so that a run repeats. Prints it.
func testSeed(_ test: String) -> UInt64 {
    let seed = getenv("MARTLET_SEED").flatMap { UInt64(String(cString: $0)) } ?? 20_261_121
    print("\(test): MARTLET_SEED=\(seed)")
    return seed
}

/// What the program `simulate` prints.
func simulateOutput(_ arguments: [String]) async throws -> String {
    let own = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
    let program = URL(filePath: own).deletingLastPathComponent().appending(path: "MartletSimulate").path
    return try await output(of: program, arguments)
}

/// Whether the code is built without optimisation: a simulation then takes about ten times as long.
let isDebug: Bool = {
    var isDebug = false
    assert(
        {
            isDebug = true
            return true
        }())
    return isDebug
}()

extension SimulationReport {
    /// What to do about a broken promise.
    var finding: String? { violation.map { "seed \(seed): \($0)" } }
}
