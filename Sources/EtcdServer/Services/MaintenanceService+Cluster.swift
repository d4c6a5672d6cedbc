// SPDX-License-Identifier: Apache-2.0

import MartletEtcdAPI
import MartletGRPCWire
import MartletNode
import MartletRaft
import MartletReplica

extension MaintenanceService {
    /// Only the leader can hand over, to a voter. That it is the leader itself is no failure.
    package func moveLeader(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: Etcdserverpb_MoveLeaderRequest.self) else { return }
        guard store.member.status.isLeader else { return call.fail(.notLeader) }
        let target = MemberID(request.targetID)
        guard store.member.cluster.configuration.staysVoter(target) else { return call.fail(.badLeaderTransferee) }
        store.member.transferLeadership(to: target) { error in
            if case .notLeader = error { return call.fail(.notLeader) }
            if let error { return call.finish(error.status) }
            var response = Etcdserverpb_MoveLeaderResponse()
            response.header = store.header
            call.respond(with: response)
        }
    }

    /// Gives back the space that removed records left in the checkpoint's file. Requests are served meanwhile. The
    /// answer is empty, as etcd's.
    package func defragment(_ call: any EtcdCall, _ message: [UInt8]) {
        guard call.decoded(message, as: Etcdserverpb_DefragmentRequest.self) != nil else { return }
        // Who compacts and defragments wants the room of what was compacted.
        store.member.afterReclaiming {
            store.member.rewriteTables { error in
                if let error { return call.finish(GRPCStatus(.unknown, "\(error)")) }
                call.respond(with: Etcdserverpb_DefragmentResponse())
            }
        }
    }

    /// Whether the cluster could go to an earlier version, and the note that it is to.
    package func downgrade(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: Etcdserverpb_DowngradeRequest.self) else { return }
        let cluster = store.member.cluster
        do throws(DowngradeError) {
            switch request.action {
            case .validate:
                _ = try cluster.checkDowngrade(to: request.version)
                answer(call)
            case .enable:
                let target = try cluster.checkDowngrade(to: request.version)
                propose(DowngradeInfo(isEnabled: true, targetVersion: target), call)
            case .cancel:
                // That there is nothing to cancel is no failure since etcd 3.6.
                guard cluster.downgrade.isEnabled else { return answer(call) }
                propose(DowngradeInfo(), call)
            case .UNRECOGNIZED:
                call.finish(GRPCStatus(.unknown, "unknown downgrade action"))
            }
        } catch {
            call.finish(error.status)
        }
    }

    private func propose(_ info: DowngradeInfo, _ call: any EtcdCall) {
        guard let write = store.identified(Write(.downgrade(info)), call) else { return }
        store.propose(
            write,
            reply: .handler { result in
                switch result {
                case .success: answer(call)
                case .failure(let error): call.finish(error.status)
                }
            })
    }

    private func answer(_ call: any EtcdCall) {
        var response = Etcdserverpb_DowngradeResponse()
        response.header = store.header
        // Without the patch, which no cluster's version has.
        response.version = store.member.cluster.version.split(separator: ".").prefix(2).joined(separator: ".")
        call.respond(with: response)
    }
}
