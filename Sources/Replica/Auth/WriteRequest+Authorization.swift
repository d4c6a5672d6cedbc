// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletKeyValue

extension AuthStore {
    /// Whether `identity` may make the request, asked when it is applied: permissions may have changed since it was
    /// proposed. Those about users and roles are checked as they are applied.
    func authorize(
        _ request: WriteRequest, as identity: AuthIdentity, in store: KeyValueStore
    ) throws(AuthError) {
        guard isEnabled else { return }
        switch request {
        case .put(let request):
            try authorize(request, as: identity, attachedKeys: store.attachedKeys(of:))
        case .deleteRange(let request):
            try authorize(request, as: identity)
        case .txn(let request):
            try authorize(request, as: identity, attachedKeys: store.attachedKeys(of:))
        case .leaseRevoke(let lease):
            try authorize(LeaseAccess(.control, of: lease, keys: store.attachedKeys(of: lease)), as: identity)
        case .leaseGrant:
            try checkCredentials(identity)
        case .alarm(let request) where request.action == .get:
            try checkCredentials(identity)
        case .compact, .alarm, .downgrade:
            try checkAdministrator(identity)
        case .auth:
            return
        }
    }
}
