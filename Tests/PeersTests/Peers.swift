// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The real programs that tests run Martlet against; `scripts/peers` says in the environment where they are.
enum Peers {
    /// The program named by `variable`, or `nil` where there is none.
    ///
    /// Where nothing may be left out (`MARTLET_REQUIRE_PEERS=1`, as in CI), a missing one fails the test.
    static func find(_ variable: String) -> String? {
        let environment = ProcessInfo.processInfo.environment
        if let path = environment[variable], !path.isEmpty { return path }
        if environment["MARTLET_REQUIRE_PEERS"] == "1" {
            Issue.record("\(variable) is not set: scripts/setup test installs the peers, scripts/test names them")
        } else {
            print("skipped: \(variable) is not set; `make test` installs the peers and sets it")
        }
        return nil
    }

    /// The package's root folder.
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path(percentEncoded: false)
}
