// SPDX-License-Identifier: Apache-2.0

package import MartletGRPCWire

extension EtcdError {
    /// The status code, as etcd's wire has it.
    ///
    /// Two stand out: "too many requests" and "not enough started members" have other codes in etcd's table, but
    /// reach clients as unknown.
    package var code: GRPCStatusCode {
        switch self {
        case .emptyKey, .keyNotFound, .valueProvided, .leaseProvided, .tooManyOperations, .duplicateKey,
            .invalidSortOption, .invalidClientAPIVersion, .requestTooLarge, .badMemberURLs, .userEmpty, .roleEmpty,
            .authFailed, .permissionNotGiven, .invalidAuthManagement, .authOldRevision,
            .wrongDowngradeVersionFormat, .invalidDowngradeTargetVersion:
            .invalidArgument
        case .compacted, .futureRevision, .leaseTTLTooLarge:
            .outOfRange
        case .noSpace:
            .resourceExhausted
        case .tooManyRequests, .memberNotEnoughStarted:
            .unknown
        case .leaseNotFound, .memberNotFound:
            .notFound
        case .leaseExists, .memberExists, .peerURLExists, .memberNotLearner, .learnerNotReady, .tooManyLearners,
            .clusterIDMismatch, .rootUserNotExist, .rootRoleNotExist, .userAlreadyExists, .userNotFound,
            .roleAlreadyExists, .roleNotFound, .roleNotGranted, .permissionNotGranted, .authNotEnabled, .notLeader,
            .notCapable, .notSupportedForLearner, .badLeaderTransferee, .clusterVersionNotFound,
            .downgradeInProgress, .noInflightDowngrade:
            .failedPrecondition
        case .watchCanceled:
            .cancelled
        case .permissionDenied:
            .permissionDenied
        case .invalidAuthToken:
            .unauthenticated
        case .noLeader, .leaderChanged, .stopped, .timeout, .timeoutLeaderFailure, .timeoutConnectionLost,
            .timeoutWaitingForApply, .unhealthy:
            .unavailable
        case .corrupt:
            .dataLoss
        }
    }

    /// The status that ends the call.
    package var status: GRPCStatus { GRPCStatus(code, message) }

    /// The status that ends a call of locks and elections. In etcd these are clients of the member's own store, and an
    /// error that came through a client keeps its text alone.
    package var statusBehindClient: GRPCStatus { GRPCStatus(.unknown, message) }
}
