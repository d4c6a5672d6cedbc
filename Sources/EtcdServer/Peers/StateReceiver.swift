// SPDX-License-Identifier: Apache-2.0

package import MartletGRPCWire
package import MartletNode
package import MartletPeerWire
import MartletReplica
import NIOCore

/// Takes another member's state; see `StateTransfer`.
package struct StateReceiver: Sendable {
    private let member: NIOLoopBound<Member>
    private let host: NIOLoopBound<any PeerHost>
    private let loop: any EventLoop

    package init(_ member: Member, _ host: any PeerHost) {
        loop = member.eventLoop
        self.member = NIOLoopBound(member, eventLoop: loop)
        self.host = NIOLoopBound(host, eventLoop: loop)
    }

    package func addRoute(to router: inout GRPCRouter) {
        router.add(
            StateTransfer.path,
            .stream { _, requests, responses in
                guard let first = try await requests.next(), let second = try await requests.next(),
                    let announcement = StateTransfer.Announcement(second)
                else { throw GRPCStatus(.invalidArgument, "a state without a beginning") }
                let hello: PeerHello
                do { hello = try PeerHello(first) } catch { throw GRPCStatus(.invalidArgument, "\(error)") }
                if let arrival = try await begin(hello, announcement) {
                    try await receive(arrival, announcement, requests, responses)
                }
                try await responses.write([])
            })
    }

    /// - Returns: `nil` where all of it is here.
    private func begin(_ hello: PeerHello, _ announcement: StateTransfer.Announcement) async throws -> MemberArrival? {
        let identity = StateIdentity(sender: hello.from, applied: announcement.applied, dump: announcement.dump)
        let start = try await loop.flatSubmit { [loop, member, host] () -> EventLoopFuture<ArrivalStart> in
            if let refusal = PeerService.refusal(hello, by: host.value) {
                host.value.refused(hello, refusal)
                return loop.makeFailedFuture(refusal)
            }
            return member.value.beginArrival(identity)
        }.get()
        switch start {
        case .begun(let arrival): return arrival
        case .isWhole: return nil
        case .isEnding: throw GRPCStatus(.unavailable, "the state is being made ready")
        case .isBusy: throw GRPCStatus(.failedPrecondition, "a state is being received already")
        }
    }

    private func receive(
        _ arrival: MemberArrival, _ announcement: StateTransfer.Announcement, _ requests: MartletGRPCWire.MessageReader,
        _ responses: MessageWriter
    ) async throws {
        do {
            let counts = announcement.dump != nil
            if counts { try await responses.write(StateTransfer.encoded(count: arrival.taken)) }
            var uncounted = 0
            while let chunk = try await requests.next() {
                let taken = try await arrival.add(chunk)
                uncounted += chunk.count
                if counts, uncounted >= StateTransfer.bytesPerCount {
                    try await responses.write(StateTransfer.encoded(count: taken))
                    uncounted = 0
                }
            }
            let state = try await arrival.finish()
            try await end(arrival, .success(state), announcement)
        } catch {
            try await end(arrival, .failure(error), announcement)
            throw Self.status(error)
        }
    }

    private func end(
        _ arrival: MemberArrival, _ result: Result<RestoredState, any Error>, _ announcement: StateTransfer.Announcement
    ) async throws {
        try await loop.flatSubmit { [member] in
            member.value.endArrival(arrival, result, term: announcement.order)
        }.get()
    }

    private static func status(_ error: any Error) -> GRPCStatus {
        switch error {
        case let status as GRPCStatus: status
        case is CancellationError: .cancelled
        case StateTransferError.damaged: GRPCStatus(.dataLoss, "a chunk of a state came damaged")
        case StateTransferError.superseded: GRPCStatus(.aborted, "another connection brings the state")
        default: GRPCStatus(.unknown, "\(error)")
        }
    }
}
