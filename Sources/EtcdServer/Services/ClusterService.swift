// SPDX-License-Identifier: Apache-2.0

import MartletEtcdAPI

/// etcdserverpb.Cluster: the part that a cluster of one has.
package struct ClusterService {
    package let store: MemberStore

    package init(store: MemberStore) {
        self.store = store
    }

    package func memberList(_ call: any EtcdCall, _ message: [UInt8]) {
        guard call.decoded(message, as: Etcdserverpb_MemberListRequest.self) != nil else { return }
        var member = Etcdserverpb_Member()
        member.id = store.identity.memberID
        member.name = store.configuration.name
        member.peerUrls = store.configuration.peerURLs
        member.clientUrls = store.configuration.clientURLs
        var response = Etcdserverpb_MemberListResponse()
        // etcd gives no revision here.
        response.header = store.header(revision: 0)
        response.members = [member]
        call.respond(with: response)
    }
}
