// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletKeyValue
import MartletRaft
import MartletReplica
import MartletStorage

extension DataFolder {
    /// Reads all records against their checksums, and makes a state of them.
    ///
    /// - Returns: the last entry that the checkpoint holds; nil if that can't be told.
    func checkTables(_ tell: (CheckNews) -> Void) -> LogIndex? {
        tell(.began(.tables, path: tablesFile))
        var configuration = Tables.Configuration()
        configuration.isReadOnly = true
        do {
            let tables = try Tables(
                path: tablesFile, tables: ReplicaCheckpoint.tables, configuration: configuration)
            defer { tables.close() }
            guard try scrub(tables, tell) else { return nil }
            tell(.began(.state, path: tablesFile))
            let state = try Self.restore(
                ReplicaConfiguration(member: MemberID(0), name: "", clientURLs: [], peerURLs: [], seed: 0),
                from: tables, at: Moment(monotonic: .zero, wallMilliseconds: 0), examines: true)
            tell(.state(CheckedState(state)))
            return state.applied.index
        } catch {
            tell(.found(finding(error)))
            return nil
        }
    }

    /// - Returns: whether all is as it was written.
    private func scrub(_ tables: Tables, _ tell: (CheckNews) -> Void) throws -> Bool {
        let statistics = try tables.statistics()
        var progress = TablesScrub()
        while !progress.isComplete { try tables.scrub(&progress, limit: Self.scrubbedAtOnce, until: nil) }
        tell(
            .tables(
                CheckedTables(
                    fileBytes: statistics.fileBytes, recordCount: progress.checked,
                    recordBytes: progress.checkedBytes)))
        for key in progress.damaged.prefix(Self.listedFindings) {
            tell(.found(CheckFinding(.damage, tablesFile, "the value of \(key) does not match its checksum")))
        }
        if progress.damaged.count > Self.listedFindings {
            tell(.found(CheckFinding(.damage, tablesFile, "\(progress.damaged.count) values in all do not match")))
        }
        return progress.damaged.isEmpty
    }

    private func finding(_ error: any Error) -> CheckFinding {
        switch error {
        case MemberFailure.tables(let error, _): finding(error)
        case MemberFailure.checkpoint(let error):
            CheckFinding(.damage, tablesFile, "its records contradict each other: \(error)")
        case let error as TablesError:
            switch error {
            case .damagedFile, .damagedValue: CheckFinding(.damage, tablesFile, "\(error)")
            default: CheckFinding(.obstacle, tablesFile, "\(error)")
            }
        default: CheckFinding(.obstacle, tablesFile, "\(error)")
        }
    }

    /// Records between two looks at the end.
    private static let scrubbedAtOnce = 1 << 16
}

extension CheckedState {
    init(_ state: RestoredState) {
        self.init(
            appliedIndex: state.applied.index.rawValue, appliedTerm: state.applied.term.rawValue,
            revision: state.store.revision, compactRevision: state.store.compactRevision,
            keyCount: state.store.keyCount, leaseCount: state.store.leaseCount, isAuthEnabled: state.auth.isEnabled)
    }
}
