// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletEtcdAPI
import MartletGRPCWire
import MartletHTTP2Session
import MartletNode
import MartletPeerWire
import MartletRaft
import MartletReplica
import NIOCore
import SwiftProtobuf

/// Calls that only the leader can answer, sent on by any member: renewals and remaining times of leases, which run on
/// its clock, and changes of the members.
///
/// `/martlet.v1.Peer/Forward`, unary: the method's path and the caller's certificate name, each with its length before
/// it (that of the name plus one; 0: none), then the request. Its answer is the method's. A caller's token stands in
/// the headers. The leader believes the certificate name, which the other member has verified: members trust one
/// another, and whoever the peer port lets in is one. Who that is, its TLS says (`--peer-client-cert-auth`); without it
/// everybody who reaches the port is, who could as well send entries for the log.
enum LeaderCalls {
    static let path = "/martlet.v1.Peer/Forward"

    /// What is sent on.
    static let methods: Set<String> = [
        "/etcdserverpb.Lease/LeaseKeepAlive", "/etcdserverpb.Lease/LeaseTimeToLive",
        "/etcdserverpb.Cluster/MemberAdd", "/etcdserverpb.Cluster/MemberRemove",
        "/etcdserverpb.Cluster/MemberUpdate", "/etcdserverpb.Cluster/MemberPromote",
        "/martlet.v1.Cluster/ReplaceMember",
    ]

    /// Headers that say who calls.
    private static let credentials = ["token", "authorization"]

    struct Request {
        var path: String
        var certificateName: AuthName?
        var message: [UInt8]

        init(path: String, certificateName: AuthName?, message: [UInt8]) {
            self.path = path
            self.certificateName = certificateName
            self.message = message
        }

        func encoded() -> [UInt8] {
            var bytes: [UInt8] = []
            Varint.append(UInt64(path.utf8.count), to: &bytes)
            bytes += path.utf8
            let name = certificateName.map { Array($0.bytes) }
            Varint.append(name.map { UInt64($0.count) + 1 } ?? 0, to: &bytes)
            return bytes + (name ?? []) + message
        }

        init?(_ bytes: [UInt8]) {
            var offset = 0
            func part(_ count: UInt64?) -> [UInt8]? {
                guard let count, count <= UInt64(bytes.count - offset) else { return nil }
                defer { offset += Int(count) }
                return Array(bytes[offset..<(offset + Int(count))])
            }
            guard let path = part(Varint.read(bytes.span.bytes, at: &offset)),
                let nameLength = Varint.read(bytes.span.bytes, at: &offset)
            else { return nil }
            self.path = String(decoding: path, as: UTF8.self)
            if nameLength > 0 {
                guard let name = part(nameLength - 1) else { return nil }
                certificateName = AuthName(bytes: name)
            }
            message = Array(bytes[offset...])
        }
    }

    static func headers(of call: any EtcdCall) -> HeaderBlock {
        var headers = HeaderBlock()
        for name in credentials {
            if let value = call.metadata.first(name) { headers.append(name, value) }
        }
        return headers
    }
}

/// A call that came by another member.
final class ForwardedCall: WrappingCall {
    let call: any EtcdCall
    let certificateName: AuthName?

    init(_ call: ServerCall, _ request: LeaderCalls.Request) {
        self.call = call
        certificateName = request.certificateName
    }

    /// Of a stream's answers only the first is asked for.
    func send(_ message: [UInt8]) { call.respond(message) }
}

extension MemberStore {
    var isLearner: Bool { peers?.isLearner ?? false }

    /// Whether a call may be served by a member that only learns. Source: etcd `isRPCSupportedForLearner`.
    func servesLearner(_ path: String, _ message: [UInt8]) -> Bool {
        switch path {
        case "/etcdserverpb.Maintenance/Status": true
        case "/etcdserverpb.KV/Range": (try? Etcdserverpb_RangeRequest(serializedBytes: message))?.serializable == true
        default: false
        }
    }

    /// Whether another member has to answer what only a leader can.
    var asksLeader: Bool { peers != nil && !member.status.isLeader }

    /// Has the leader answer a request; `then` gets its answer's bytes.
    ///
    /// - Parameter path: one of `LeaderCalls.methods`.
    func askLeader(
        _ path: String, _ message: [UInt8], for call: any EtcdCall,
        then answer: @escaping (Result<[UInt8], GRPCStatus>) -> Void
    ) {
        guard let peers, let leader = member.status.leader, let client = peers.links.client(of: leader) else {
            return answer(.failure(EtcdError.noLeader.status))
        }
        let request = LeaderCalls.Request(path: path, certificateName: call.certificateName, message: message)
        let options = peers.callOptions(LeaderCalls.headers(of: call), timeout: configuration.requestTimeout)
        let bytes = request.encoded()
        let loop = eventLoop
        let bound = NIOLoopBound(answer, eventLoop: loop)
        Task {
            let result = await MemberStore.ask(client, bytes, options)
            loop.execute { bound.value(result) }
        }
    }

    private static func ask(
        _ client: WireClient, _ bytes: [UInt8], _ options: WireCallOptions
    ) async -> Result<[UInt8], GRPCStatus> {
        do {
            return .success(try await client.unary(LeaderCalls.path, bytes, options: options).message)
        } catch {
            return .failure(outcome(error as? GRPCStatus ?? GRPCStatus(.unknown, "\(error)")))
        }
    }

    /// What a caller is told when the leader could not be asked, or did not answer in time.
    private static func outcome(_ status: GRPCStatus) -> GRPCStatus {
        if status.isConnectFailure || status.wasNotProcessed { return EtcdError.noLeader.status }
        if status.code == .deadlineExceeded { return EtcdError.timeout.status }
        // Without what the leader's headers said to this member.
        return GRPCStatus(status.code, status.message)
    }

    /// The same for a unary call, which gets the answer.
    func askLeader(_ path: String, _ message: [UInt8], for call: any EtcdCall) {
        askLeader(path, message, for: call) { result in
            switch result {
            case .success(let bytes): call.respond(bytes)
            case .failure(let status): call.finish(status)
            }
        }
    }
}
