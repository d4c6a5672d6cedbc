// SPDX-License-Identifier: Apache-2.0

import Foundation
package import MartletNode
package import MartletProcesses

/// What is known of a data folder, from what its examiner told.
package struct CheckReport: Equatable, Sendable {
    package enum Verdict: String, Codable, Sendable {
        case sound, damaged, unexamined

        package var exitCode: Int32 {
            switch self {
            case .sound: 0
            case .damaged: 1
            case .unexamined: 2
            }
        }
    }

    package private(set) var folder: String
    package private(set) var log: CheckedLog?
    package private(set) var tables: CheckedTables?
    package private(set) var state: CheckedState?
    package private(set) var findings: [CheckFinding] = []
    /// What was being read last.
    private var stage = CheckStage.folder
    private var path: String
    private var hasEnded = false

    package init(folder: String) {
        self.folder = folder
        path = folder
    }

    package var verdict: Verdict {
        if findings.contains(where: { $0.kind == .damage }) { return .damaged }
        return findings.contains { $0.kind == .obstacle } ? .unexamined : .sound
    }

    package mutating func add(_ news: CheckNews) {
        switch news {
        case .began(let stage, let path): (self.stage, self.path) = (stage, path)
        case .found(let finding): findings.append(finding)
        case .log(let log): self.log = log
        case .tables(let tables): self.tables = tables
        case .state(let state): self.state = state
        case .ended: hasEnded = true
        }
    }

    /// The examiner has ended: before its time, if it hasn't said so.
    package mutating func end(_ exit: ChildProcess.Exit) {
        guard !hasEnded else { return }
        switch (exit, stage) {
        case (.signal(let number), .tables), (.signal(let number), .state):
            guard let name = Self.faults[number] else { break }
            findings.append(
                CheckFinding(
                    .damage, path,
                    "reading it ended the examination by \(name): the file is shorter than it says, or its pages "
                        + "contradict each other"))
            return
        default: break
        }
        findings.append(CheckFinding(.obstacle, path, "the examination ended before its time, by \(exit)"))
    }

    /// Signals that follow from what a process reads, not from who sends them.
    private static let faults: [Int32: String] = [
        SIGBUS: "SIGBUS", SIGSEGV: "SIGSEGV", SIGABRT: "SIGABRT", SIGILL: "SIGILL", SIGTRAP: "SIGTRAP",
        SIGFPE: "SIGFPE",
    ]
}

// MARK: JSON

extension CheckReport {
    private struct Form: Encodable {
        struct Member: Encodable {
            var id: String
            var cluster: String
        }

        struct Log: Encodable {
            var segments: Int
            var firstIndex: UInt64
            var lastIndex: UInt64
            var commitIndex: UInt64
            var term: UInt64
        }

        var dataDir: String
        var verdict: Verdict
        var member: Member?
        var log: Log?
        var tables: CheckedTables?
        var state: CheckedState?
        var findings: [CheckFinding]
    }

    /// One object, on one line.
    package func json() throws -> String {
        let form = Form(
            dataDir: folder, verdict: verdict,
            member: log.map {
                Form.Member(id: String($0.memberID, radix: 16), cluster: String($0.clusterID, radix: 16))
            },
            log: log.map {
                Form.Log(
                    segments: $0.segmentCount, firstIndex: $0.firstIndex, lastIndex: $0.lastIndex,
                    commitIndex: $0.commitIndex, term: $0.term)
            },
            tables: tables, state: state, findings: findings)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(form), as: UTF8.self)
    }
}
