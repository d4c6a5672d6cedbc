// SPDX-License-Identifier: Apache-2.0

import MartletEtcdAPI

/// etcdserverpb.Auth where authentication is off: clients may ask for that.
package struct AuthService {
    package let store: MemberStore

    package init(store: MemberStore) {
        self.store = store
    }

    package func status(_ call: any EtcdCall, _ message: [UInt8]) {
        guard call.decoded(message, as: Etcdserverpb_AuthStatusRequest.self) != nil else { return }
        var response = Etcdserverpb_AuthStatusResponse()
        response.header = store.header
        response.authRevision = Self.firstAuthRevision
        call.respond(with: response)
    }

    package func authenticate(_ call: any EtcdCall, _ message: [UInt8]) {
        call.fail(.authNotEnabled)
    }

    /// The revision of users, roles and permissions before the first change.
    private static let firstAuthRevision: UInt64 = 1
}
