// SPDX-License-Identifier: Apache-2.0

package import MartletReplica

extension EtcdError {
    /// The condition that a refused or lost request reports.
    package init(_ error: ReplicaError) {
        self =
            switch error {
            case .refused(let error): EtcdError(error)
            case .noLeader: .noLeader
            case .leaderChanged: .leaderChanged
            case .stopped: .stopped
            case .tooManyRequests: .tooManyRequests
            case .requestTooLarge: .requestTooLarge
            }
    }
}
