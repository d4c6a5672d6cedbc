// SPDX-License-Identifier: Apache-2.0

package import MartletKeyValue

extension EtcdError {
    /// The condition that a failed call reports. Refused watches are no failed calls: they have a reason instead, see
    /// ``WatchRefusal``.
    package init(_ error: KeyValueError) {
        self =
            switch error {
            case .keyNotProvided: .emptyKey
            case .keyNotFound: .keyNotFound
            case .valueProvided: .valueProvided
            case .leaseProvided: .leaseProvided
            case .tooManyOperations: .tooManyOperations
            case .duplicateKey: .duplicateKey
            case .invalidSortOption: .invalidSortOption
            case .compacted: .compacted
            case .futureRevision: .futureRevision
            case .databaseSpaceExceeded: .noSpace
            case .requestTooLarge: .requestTooLarge
            case .tooManyRequests: .tooManyRequests
            case .leaseNotFound: .leaseNotFound
            case .leaseExists: .leaseExists
            case .leaseTTLTooLarge: .leaseTTLTooLarge
            case .duplicateWatchID, .emptyWatchRange, .watchStreamClosed: .watchCanceled
            }
    }
}

/// Why a watch wasn't created, in the words of `cancel_reason`.
package enum WatchRefusal {
    package static func reason(for error: KeyValueError) -> String {
        switch error {
        case .duplicateWatchID: "mvcc: duplicate watch ID provided on the WatchStream"
        case .emptyWatchRange: "mvcc: watcher range is empty"
        default: EtcdError(error).message
        }
    }
}
