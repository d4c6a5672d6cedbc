// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire

/// /livez and /readyz: named checks, together or, as sub-paths, one by one.
///
/// The only member of a cluster, which keeps its data in memory and answers at all, passes each of them: it leads, is
/// no learner, and a read is a look into its own memory.
struct HealthChecks {
    private static let live = ["serializable_read"]
    private static let ready = ["data_corruption", "serializable_read", "linearizable_read", "non_learner"]

    private let names: [String]

    /// Nil for a path that names neither.
    init?(path: String) {
        let parts = path.split(separator: "/").map(String.init)
        let all: [String]
        switch parts.first {
        case "livez": all = Self.live
        case "readyz": all = Self.ready
        default: return nil
        }
        if parts.count == 1 {
            names = all
        } else if parts.count == 2, all.contains(parts[1]) {
            names = [parts[1]]
        } else {
            return nil
        }
    }

    func respond(_ query: QueryItems) -> HTTP1Response {
        guard query.contains("verbose") else { return .text(200, "ok\n") }
        let excluded = query.values(of: "exclude")
        let lines = names.map { name in
            excluded.contains { $0 == name } ? "[+]\(name) excluded: ok\n" : "[+]\(name) ok\n"
        }
        return .text(200, lines.joined() + "ok\n")
    }
}
