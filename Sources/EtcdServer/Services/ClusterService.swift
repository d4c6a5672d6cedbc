// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletEtcdAPI
import MartletGRPCWire
import MartletNode
import MartletRaft
import MartletReplica

/// etcdserverpb.Cluster, and martlet.v1.Cluster.
package struct ClusterService {
    package let store: MemberStore

    package init(store: MemberStore) {
        self.store = store
    }

    package func memberList(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: Etcdserverpb_MemberListRequest.self) else { return }
        let answer = { [self] in
            var response = Etcdserverpb_MemberListResponse()
            response.header = header
            response.members = store.member.cluster.members.map { Etcdserverpb_Member($0) }
            call.respond(with: response)
        }
        if request.linearizable { store.read(for: call, answer) } else { answer() }
    }

    package func memberAdd(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: Etcdserverpb_MemberAddRequest.self),
            areGood(request.peerUrls, call), store.meets(.administrator, call)
        else { return }
        // The time makes a member that comes back another one.
        let token = store.configuration.clusterToken + "\(Member.wallMilliseconds() / 1000)"
        let id = MemberIdentity.memberID(peerURLs: request.peerUrls, clusterToken: token)
        let change = MemberRequest.add(MemberID(id), peerURLs: request.peerUrls, isLearner: request.isLearner)
        propose(change, call) { members in
            var response = Etcdserverpb_MemberAddResponse()
            response.header = header
            response.members = members
            if let member = members.first(where: { $0.id == id }) { response.member = member }
            call.respond(with: response)
        }
    }

    package func memberRemove(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: Etcdserverpb_MemberRemoveRequest.self) else { return }
        propose(.remove(MemberID(request.id)), call) { members in
            var response = Etcdserverpb_MemberRemoveResponse()
            response.header = header
            response.members = members
            call.respond(with: response)
        }
    }

    package func memberUpdate(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: Etcdserverpb_MemberUpdateRequest.self),
            areGood(request.peerUrls, call), store.meets(.administrator, call)
        else { return }
        propose(.update(MemberID(request.id), peerURLs: request.peerUrls), call) { members in
            var response = Etcdserverpb_MemberUpdateResponse()
            response.header = header
            response.members = members
            call.respond(with: response)
        }
    }

    package func memberPromote(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: Etcdserverpb_MemberPromoteRequest.self) else { return }
        propose(.promote(MemberID(request.id)), call) { members in
            var response = Etcdserverpb_MemberPromoteResponse()
            response.header = header
            response.members = members
            call.respond(with: response)
        }
    }

    package func replaceMember(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: Martlet_V1_ReplaceMemberRequest.self) else { return }
        propose(.replace(MemberID(request.oldID), by: MemberID(request.newID)), call) { members in
            var response = Martlet_V1_ReplaceMemberResponse()
            response.header = header
            response.members = members
            call.respond(with: response)
        }
    }

    /// etcd gives no revision here.
    private var header: Etcdserverpb_ResponseHeader { store.header(revision: 0) }

    private func propose(
        _ change: MemberRequest, _ call: any EtcdCall, _ answer: @escaping ([Etcdserverpb_Member]) -> Void
    ) {
        store.changeMembers(
            change,
            reply: .handler { result in
                switch result {
                case .success(.members(let members)): answer(members.map { Etcdserverpb_Member($0) })
                case .success: preconditionFailure("a change of members was answered by \(result)")
                case .failure(let error): call.finish(error.status)
                }
            })
    }

    /// Whether all are URLs with scheme, host and port and nothing else; if not, the call has ended.
    private func areGood(_ urls: [String], _ call: any EtcdCall) -> Bool {
        let areGood =
            !urls.isEmpty
            && urls.allSatisfy { url in
                guard let scheme = ["http://", "https://", "unix://", "unixs://"].first(where: { url.hasPrefix($0) })
                else {
                    return false
                }
                let place = url.dropFirst(scheme.count)
                if scheme.hasPrefix("unix") { return !place.isEmpty }
                guard let colon = place.lastIndex(of: ":"), colon != place.startIndex else { return false }
                return UInt16(place[place.index(after: colon)...]) != nil
            }
        if !areGood { call.fail(.badMemberURLs) }
        return areGood
    }
}

extension Etcdserverpb_Member {
    init(_ member: ClusterState.Member) {
        self.init()
        id = member.id.rawValue
        peerUrls = member.peerURLs
        isLearner = member.isLearner
        name = member.attributes?.name ?? ""
        clientUrls = member.attributes?.clientURLs ?? []
    }
}
