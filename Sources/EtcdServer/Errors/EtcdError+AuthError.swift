// SPDX-License-Identifier: Apache-2.0

package import MartletAuth

extension EtcdError {
    /// The condition of etcd's table. Nil for the one that it lacks: clients get its text under the code "unknown".
    package init?(_ error: AuthError) {
        switch error {
        case .rootUserMissing: self = .rootUserNotExist
        case .rootRoleMissing: self = .rootRoleNotExist
        case .userExists: self = .userAlreadyExists
        case .userNameEmpty: self = .userEmpty
        case .userNotFound: self = .userNotFound
        case .roleExists: self = .roleAlreadyExists
        case .roleNotFound: self = .roleNotFound
        case .roleNameEmpty: self = .roleEmpty
        case .permissionNotGiven: self = .permissionNotGiven
        case .authenticationFailed: self = .authFailed
        case .noPasswordUser: return nil
        case .permissionDenied: self = .permissionDenied
        case .roleNotGranted: self = .roleNotGranted
        case .permissionNotGranted: self = .permissionNotGranted
        case .authNotEnabled: self = .authNotEnabled
        case .oldRevision: self = .authOldRevision
        case .invalidToken: self = .invalidAuthToken
        case .invalidManagement: self = .invalidAuthManagement
        }
    }
}
