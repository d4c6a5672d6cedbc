// SPDX-License-Identifier: Apache-2.0

/// A fault put into the member on purpose. A simulator that does not find each of them finds nothing.
package enum Flaw: String, CaseIterable, Sendable {
    /// Whether it takes several members to have it.
    package var isOfClusters: Bool {
        switch self {
        case .answersLaterRounds, .appliesClocks, .appliesHashOrder, .commitsEarlierTerms, .trustsItsClock,
            .believesDamagedRecords, .countsOneHalf:
            true
        default: isOfLeases
        }
    }

    /// Whether it takes leaders that read by lease.
    package var isOfLeases: Bool { self == .leasesFromAnswers || self == .leasesThroughTransfers }

    /// The log says that a batch is on disk as soon as it is handed over.
    case answersBeforeSync
    /// The disk's sync does nothing.
    case syncsNothing
    /// The tables get entries that the log has not on disk.
    case checkpointsAheadOfLog
    /// The tables keep only a part of a batch.
    case tearsCheckpoints
    /// Reads are answered from the state as it was some time ago.
    case servesStaleReads
    /// Now and then a write goes into the log twice.
    case repeatsWrites
    /// Now and then a watch's delivery goes missing.
    case losesWatchEvents
    /// Now and then one comes twice.
    case repeatsWatchEvents
    /// Changes of one revision come in two deliveries.
    case splitsRevisions
    /// A watch that resumes after a restart begins one revision late.
    case skipsOnResume
    /// A watch goes on after its client has cancelled it.
    case deliversAfterCancel
    /// Leases are counted on the wall clock, which jumps.
    case countsLeasesByWallClock
    /// A renewal is answered but not done.
    case forgetsRenewals
    /// An answer to one round counts for rounds that were started since. Of clusters, as those below.
    case answersLaterRounds
    /// What an entry does depends on the member's clock.
    case appliesClocks
    /// What an entry does depends on an order that differs from process to process.
    case appliesHashOrder
    /// A leader has entries of earlier terms committed that a majority has.
    case commitsEarlierTerms
    /// A leader has committed in a joint configuration what a majority of the voters to come has.
    case countsOneHalf
    /// A leader stamps records by its own clock, whatever the others' say.
    case trustsItsClock
    /// A member that starts looks at no checksum, of log and tables. Of clusters, where damage can strike.
    case believesDamagedRecords
    /// A change of a key and its entry in a stream come one after the other.
    case splitsTransactions
    /// Now and then the entry of a job's run is gone.
    case losesRuns
    /// Now and then a job's run puts its entry in twice.
    case repeatsRuns
    /// The clock that leases are counted on stands still.
    case stopsTheClock
    /// A leader counts promises from when they come, not from when it asked for them. Of clusters, as the next.
    case leasesFromAnswers
    /// A leader goes on counting promises when it has told another to take over.
    case leasesThroughTransfers
}
