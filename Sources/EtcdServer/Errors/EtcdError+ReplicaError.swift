// SPDX-License-Identifier: Apache-2.0

import MartletAuth
package import MartletReplica

extension EtcdError {
    /// The condition that a refused or lost request reports.
    package init(_ error: ReplicaError) {
        self =
            switch error {
            case .refused(let error): EtcdError(error)
            case .unauthorized(let error): EtcdError(error) ?? .authFailed
            case .noSpace: .noSpace
            case .corrupt: .corrupt
            case .membership(let error): EtcdError(error)
            case .noLeader: .noLeader
            case .leaderChanged: .leaderChanged
            case .stopped: .stopped
            case .tooManyRequests: .tooManyRequests
            case .requestTooLarge: .requestTooLarge
            }
    }

    private init(_ error: MembershipError) {
        self =
            switch error {
            case .memberNotFound: .memberNotFound
            case .memberExists: .memberExists
            case .peerURLExists: .peerURLExists
            case .notLearner: .memberNotLearner
            case .notEnoughStartedMembers: .memberNotEnoughStarted
            case .unsupported: .notCapable
            }
    }
}
