// SPDX-License-Identifier: Apache-2.0

import MartletAuth
package import MartletGRPCWire
package import MartletKeyspace
package import MartletReplica
import MartletStreams

extension ReplicaError {
    /// The status that ends the call of a refused or lost request.
    package var status: GRPCStatus {
        switch self {
        case .refused(let error): EtcdError(error).status
        case .refusedStreams(let refusal): refusal.status
        case .unauthorized(let error): error.status
        case .membership(let error): error.status
        case .noSpace: EtcdError.noSpace.status
        case .corrupt: EtcdError.corrupt.status
        case .noLeader: EtcdError.noLeader.status
        // Only now it was found that another member leads. Clients go on renewing leases at this status, since it is
        // UNAVAILABLE, and not at "not leader", which is for those who ask for leadership to be handed over.
        case .notLeader: EtcdError.leaderChanged.status
        case .badTransferee: EtcdError.badLeaderTransferee.status
        case .timedOut(let cause): cause.status
        case .leaderChanged: EtcdError.leaderChanged.status
        case .stopped: EtcdError.stopped.status
        case .tooManyRequests: EtcdError.tooManyRequests.status
        case .notCapable: EtcdError.notCapable.status
        case .requestTooLarge: EtcdError.requestTooLarge.status
        }
    }

    /// See ``EtcdError/statusBehindClient``.
    var statusBehindClient: GRPCStatus { GRPCStatus(.unknown, status.message) }
}

extension StreamRefusal {
    /// The text is Redis's, where Redis has one.
    package var status: GRPCStatus {
        switch self {
        case .malformed: GRPCStatus(.invalidArgument, text)
        case .append(.addIDIsZero): GRPCStatus(.invalidArgument, text)
        case .wrongType, .noSuchStream, .noSuchGroup, .append: GRPCStatus(.failedPrecondition, text)
        case .full: GRPCStatus(.resourceExhausted, text)
        }
    }
}

extension TimeoutCause {
    package var status: GRPCStatus {
        switch self {
        // etcd's own limit has passed while the request waited for a leader: it ends as the context does.
        case .notProposed: GRPCStatus(.deadlineExceeded, "context deadline exceeded")
        case .leaderFailed: EtcdError.timeoutLeaderFailure.status
        case .connectionLost: EtcdError.timeoutConnectionLost.status
        case .unknown: EtcdError.timeout.status
        case .transfer: GRPCStatus(.unknown, "etcdserver: request timed out, leader transfer took too long")
        }
    }
}

extension AuthError {
    /// See ``EtcdError/statusBehindClient``.
    var statusBehindClient: GRPCStatus { GRPCStatus(.unknown, status.message) }
}

extension MembershipError {
    package var status: GRPCStatus {
        switch self {
        case .memberNotFound: EtcdError.memberNotFound.status
        case .memberExists: EtcdError.memberExists.status
        case .peerURLExists: EtcdError.peerURLExists.status
        case .notLearner: EtcdError.memberNotLearner.status
        // Of replacements alone, which etcd has not.
        case .notVoter: GRPCStatus(.failedPrecondition, "martlet: can only replace a voting member")
        case .changeUnderway: GRPCStatus(.failedPrecondition, "martlet: a member is being replaced")
        case .notEnoughStartedMembers: EtcdError.memberNotEnoughStarted.status
        case .notEnoughConnectedMembers: EtcdError.unhealthy.status
        case .tooManyLearners: EtcdError.tooManyLearners.status
        case .learnerNotReady: EtcdError.learnerNotReady.status
        }
    }
}

extension DowngradeError {
    package var status: GRPCStatus {
        switch self {
        case .malformedVersion: EtcdError.wrongDowngradeVersionFormat.status
        case .invalidTarget: EtcdError.invalidDowngradeTargetVersion.status
        case .versionUnknown: EtcdError.clusterVersionNotFound.status
        case .underway: EtcdError.downgradeInProgress.status
        }
    }
}
