// SPDX-License-Identifier: Apache-2.0

/// Every condition that the etcd API reports as a failed call.
///
/// ``message`` is what clients compare, to the byte; ``code`` is the gRPC status beside it.
package enum EtcdError: Error, Hashable, CaseIterable, Sendable {
    case emptyKey, keyNotFound, valueProvided, leaseProvided
    case tooManyOperations, duplicateKey, invalidSortOption, invalidClientAPIVersion
    case compacted, futureRevision, noSpace
    case requestTooLarge, tooManyRequests
    case leaseNotFound, leaseExists, leaseTTLTooLarge
    case watchCanceled
    case memberExists, peerURLExists, memberNotLearner, learnerNotReady, tooManyLearners, clusterIDMismatch
    case memberNotEnoughStarted, badMemberURLs, memberNotFound
    case rootUserNotExist, rootRoleNotExist, userAlreadyExists, userNotFound, roleAlreadyExists, roleNotFound
    case roleNotGranted, permissionNotGranted, authNotEnabled
    case userEmpty, roleEmpty, authFailed, permissionNotGiven, invalidAuthManagement, authOldRevision
    case permissionDenied, invalidAuthToken
    case noLeader, leaderChanged, stopped
    case timeout, timeoutLeaderFailure, timeoutConnectionLost, timeoutWaitingForApply, unhealthy
    case notLeader, notCapable, notSupportedForLearner, badLeaderTransferee
    case corrupt
    case wrongDowngradeVersionFormat, invalidDowngradeTargetVersion
    case clusterVersionNotFound, downgradeInProgress, noInflightDowngrade
}
