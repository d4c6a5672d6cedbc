// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletEtcdAPI
package import MartletGRPCWire
import MartletKeyValue
import MartletReplica

/// etcdserverpb.Lease.
package struct LeaseService {
    package let store: MemberStore

    package init(store: MemberStore) {
        self.store = store
    }

    package func grant(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: Etcdserverpb_LeaseGrantRequest.self) else { return }
        let id = store.leaseID(requested: request.id)
        store.propose(Write(.leaseGrant(id, ttlSeconds: request.ttl)), for: call)
    }

    package func revoke(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let write = call.write(.leaseRevoke, message, as: Etcdserverpb_LeaseRevokeRequest.self) else { return }
        store.propose(write, for: call)
    }

    package func keepAlive(_ call: any EtcdCall) -> any ServerCallEvents {
        LeaseKeepAliveStream(store: store, call: call)
    }

    package func timeToLive(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: Etcdserverpb_LeaseTimeToLiveRequest.self) else { return }
        guard !request.keys || store.allows(.listKeys, of: [LeaseID(request.id)], call) else { return }
        var response = Etcdserverpb_LeaseTimeToLiveResponse()
        response.header = store.header
        response.id = request.id
        let status = store.keyValue.leaseStatus(LeaseID(request.id), now: store.now, includingKeys: request.keys)
        if let status {
            response.ttl = status.remainingSeconds
            response.grantedTtl = status.grantedSeconds
            response.keys = status.keys.map(\.data)
        } else {
            response.ttl = -1
        }
        call.respond(with: response)
    }

    package func leases(_ call: any EtcdCall, _ message: [UInt8]) {
        guard call.decoded(message, as: Etcdserverpb_LeaseLeasesRequest.self) != nil else { return }
        let leases = store.keyValue.leaseIDs()
        guard store.allows(.listKeys, of: leases, call) else { return }
        var response = Etcdserverpb_LeaseLeasesResponse()
        response.header = store.header
        response.leases = leases.map { id in
            var status = Etcdserverpb_LeaseStatus()
            status.id = id.rawValue
            return status
        }
        call.respond(with: response)
    }
}

/// One client's stream of renewals: each request has one response.
final class LeaseKeepAliveStream: ServerCallEvents {
    private let store: MemberStore
    private let call: any EtcdCall
    private var isClosed = false
    /// Renewals that are not answered.
    private var waitingCount = 0
    private var hasClientEnded = false

    init(store: MemberStore, call: any EtcdCall) {
        self.store = store
        self.call = call
    }

    func received(_ message: [UInt8]) {
        guard !isClosed, let request = call.decodedOfStream(message, as: Etcdserverpb_LeaseKeepAliveRequest.self) else {
            return
        }
        guard call.queuedBytes < Self.maximumUnreadBytes else {
            isClosed = true
            return call.finish(GRPCStatus(.resourceExhausted, "keep-alive responses are not read"))
        }
        guard store.allows(.control, of: [LeaseID(request.id)], call) else {
            isClosed = true
            return
        }
        waitingCount += 1
        guard !store.asksLeader else { return forward(message) }
        store.renewLease(LeaseID(request.id)) { [self] result in
            waitingCount -= 1
            guard !isClosed else { return }
            switch result {
            case .success(.leaseRenewal(let ttlSeconds)): answer(request.id, ttlSeconds ?? 0)
            // It had run out, and is gone now.
            case .success(.leaseRevoke), .failure(.refused(.leaseNotFound)): answer(request.id, 0)
            case .success: preconditionFailure("a renewal was answered by \(result)")
            case .failure(let error):
                isClosed = true
                call.finish(error.status)
            }
        }
    }

    /// Leases run on the leader's clock.
    private func forward(_ message: [UInt8]) {
        store.askLeader("/etcdserverpb.Lease/LeaseKeepAlive", message, for: call) { [self] result in
            waitingCount -= 1
            guard !isClosed else { return }
            switch result {
            case .success(let bytes):
                call.send(bytes)
                finishIfDone()
            case .failure(let status):
                isClosed = true
                call.finish(status)
            }
        }
    }

    private func answer(_ id: Int64, _ ttlSeconds: Int64) {
        var response = Etcdserverpb_LeaseKeepAliveResponse()
        response.header = store.header
        response.id = id
        response.ttl = ttlSeconds
        call.send(response)
        finishIfDone()
    }

    func receivedEnd() {
        hasClientEnded = true
        finishIfDone()
    }

    private func finishIfDone() {
        guard hasClientEnded, waitingCount == 0, !isClosed else { return }
        isClosed = true
        call.finish(.ok)
    }

    func becameWritable() {}

    func closed() {
        isClosed = true
    }

    /// A client that renews but never reads is cut off here: some hundred thousand responses.
    private static let maximumUnreadBytes = 8 << 20
}
