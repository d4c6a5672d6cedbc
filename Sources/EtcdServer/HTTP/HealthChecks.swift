// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire

/// /livez and /readyz: named checks, together or, as sub-paths, one by one.
struct HealthChecks {
    private enum Check: String {
        case dataCorruption = "data_corruption"
        case serializableRead = "serializable_read"
        case linearizableRead = "linearizable_read"
        case nonLearner = "non_learner"

        /// Nil where the check passes.
        func fault(_ health: MemberHealth) -> String? {
            switch self {
            case .dataCorruption: health.alarms.contains(.corrupt) ? "alarm activated: CORRUPT" : nil
            case .serializableRead: health.serializableReadFault
            case .linearizableRead: health.linearizableReadFault
            case .nonLearner: health.isLearner ? "not supported for learner" : nil
            }
        }
    }

    private static let live: [Check] = [.serializableRead]
    private static let ready: [Check] = [.dataCorruption, .serializableRead, .linearizableRead, .nonLearner]

    private let endpoint: String
    private let checks: [Check]
    /// The sub-path of one check: it can't be excluded.
    private let isSingle: Bool

    /// Nil for a path that names neither.
    init?(path: String) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2 || parts.count == 3 else { return nil }
        let all: [Check]
        switch parts[1] {
        case "livez": all = Self.live
        case "readyz": all = Self.ready
        default: return nil
        }
        endpoint = parts[1]
        isSingle = parts.count == 3
        checks = isSingle ? all.filter { $0.rawValue == parts[2] } : all
        if checks.isEmpty { return nil }
    }

    /// Excluded checks aren't made.
    private func checks(_ query: QueryItems) -> [Check] {
        guard !isSingle else { return checks }
        let excluded = query.values(of: "exclude")
        return checks.filter { check in !excluded.contains { $0 == check.rawValue } }
    }

    func asksTheCluster(_ query: QueryItems) -> Bool { checks(query).contains(.linearizableRead) }

    /// Failures are always listed; what passed, on demand.
    func respond(_ query: QueryItems, _ health: MemberHealth, noting probes: ProbeCounter? = nil) -> HTTP1Response {
        var hasFailed = false
        var list = ""
        for check in checks(query) {
            let fault = check.fault(health)
            probes?.change {
                $0.note(ProbeCounts.Check(endpoint: endpoint, name: check.rawValue), passed: fault == nil)
            }
            if let fault {
                hasFailed = true
                list += "[-]\(check.rawValue) failed: \(fault)\n"
            } else {
                list += "[+]\(check.rawValue) ok\n"
            }
        }
        guard !hasFailed else { return .failure(503, list + "\n") }
        var response = HTTP1Response.text(200, query.contains("verbose") ? list + "ok\n" : "ok\n")
        response.headers.append(("X-Content-Type-Options", "nosniff"))
        return response
    }
}

/// /health: one answer for all, in JSON.
enum HealthSummary {
    /// Only this member is asked for.
    static func isSerializable(_ query: QueryItems) -> Bool { query.values(of: "serializable").first == "true" }

    /// Alarms first, any member's; then, unless only this member is asked for, the leader; then a read.
    static func respond(
        _ query: QueryItems, _ health: MemberHealth, noting probes: ProbeCounter? = nil
    ) -> HTTP1Response {
        let reason = reason(health, isSerializable(query), excluded: query.values(of: "exclude"))
        probes?.change { if reason == nil { $0.healthy += 1 } else { $0.unhealthy += 1 } }
        guard let reason else {
            return .text(200, body(isHealthy: true, reason: ""))
        }
        return .failure(503, body(isHealthy: false, reason: reason) + "\n")
    }

    private static func reason(
        _ health: MemberHealth, _ isSerializable: Bool, excluded: [Substring]
    ) -> String? {
        if let alarm = health.alarms.first(where: { alarm in !excluded.contains { $0 == alarm.rawValue } }) {
            return "ALARM \(alarm.rawValue)"
        }
        if !isSerializable, !health.hasLeader { return "RAFT NO LEADER" }
        let fault = isSerializable ? health.serializableReadFault : health.linearizableReadFault
        return fault.map { "RANGE ERROR:\($0)" }
    }

    private static func body(isHealthy: Bool, reason: String) -> String {
        var json = Array(#"{"health":"\#(isHealthy)","reason":"#.utf8)
        JSONText.append(reason.utf8, to: &json)
        return String(decoding: json, as: UTF8.self) + "}"
    }
}
