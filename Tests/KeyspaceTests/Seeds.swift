// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The seeds of a random test: from MARTLET_SEED, else fixed ones, so that a run repeats.
func testSeeds(_ fixed: [UInt64]) -> [UInt64] {
    getenv("MARTLET_SEED").flatMap { UInt64(String(cString: $0)) }.map { [$0] } ?? fixed
}
