// SPDX-License-Identifier: Apache-2.0

package import MartletAuth
package import MartletGRPCWire

extension EtcdError {
    /// The condition of etcd's table. Nil for the one that it lacks, see ``AuthError/status``.
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

extension AuthError {
    /// The status that ends the call. A condition outside etcd's table goes out as unknown, in the words of its log.
    package var status: GRPCStatus {
        EtcdError(self)?.status ?? GRPCStatus(.unknown, text)
    }

    /// Why a watch isn't created, in the words of `cancel_reason`. What is no question of credentials is a lack of
    /// permission, as in etcd.
    package var watchRefusal: String {
        // etcd's reason is the status as Go prints it.
        let (codeName, told): (String, EtcdError) =
            switch self {
            case .invalidToken: ("Unauthenticated", .invalidAuthToken)
            case .oldRevision: ("InvalidArgument", .authOldRevision)
            case .userNameEmpty: ("InvalidArgument", .userEmpty)
            default: ("PermissionDenied", .permissionDenied)
            }
        return "rpc error: code = \(codeName) desc = \(told.message)"
    }
}
