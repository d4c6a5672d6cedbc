// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletRaft
import MartletReplica

extension Simulator {
    /// Between two reads of who only reads, at most: the others shall have their share of the run.
    private static let readersRest = 300_000

    /// A client asks, as long as there is something to ask; its next request comes after the answer.
    func act(client: Int) throws(Violation) {
        guard case .busy = part, operations.count < conditions.operations else { return }
        guard let place = connect(client) else {
            return plan(.clientActs(client), in: timing.number(1_000...20_000))
        }
        let number = operations.count
        let request =
            isReader(client) ? workload.read() : workload.request(number, at: oracle.model.position, registers)
        var operation = Operation(request, number: number, client: client, seenEntries: oracle.seenEntries)
        operation.began = now
        operations.append(operation)
        oracle.note(asked: operation, number: number)
        trace.note(now, "asked", client, number, "\(request)")
        plan(.requestArrives(number, at: place), in: timing.number(0...300))
    }

    private func isReader(_ client: Int) -> Bool { client >= conditions.clients }

    /// A client stays with a machine as long as it gets answers.
    private func connect(_ client: Int) -> Int? {
        if let place = connections[client], hosts[place].life?.isReady == true { return place }
        let ready = hosts.filter { $0.life?.isReady == true }
        guard !ready.isEmpty else { return nil }
        connections[client] = ready.count == 1 ? ready[0].place : timing.pick(ready).place
        return connections[client]
    }

    func arrive(_ number: Int, at host: Host) throws(Violation) {
        guard operations[number].answer == nil else { return }
        guard let life = host.life, life.isReady else { return try finish(number, .refused(nil)) }
        operations[number].arrived = now
        operations[number].holder = life
        let operation = operations[number]
        let waiter = WaiterID(UInt64(number))
        switch operation.request {
        case .write(let request):
            life.inFlight.insert(number)
            guard let kind = WriteRequest.Kind(rawValue: request.recordField),
                let write = try? Write(kind, wire: operation.bytes)
            else {
                throw Violation("\(request) can't be read")
            }
            try step(.propose(write, waiter: waiter), life)
            if flaw == .repeatsWrites, watching.once(in: 20) { try step(.propose(write, waiter: waiter), life) }
        case .range(_, isSerializable: false), .readTxn, .leases:
            life.inFlight.insert(number)
            try step(.read(waiter: waiter), life)
        case .leaseStatus:
            guard life.replica.status.countsLeases else { return try forward(number, life) }
            life.inFlight.insert(number)
            try step(.read(waiter: waiter), life)
        case .range(_, isSerializable: true): return try read(number, life)
        case .keepAlive(let lease):
            if flaw == .forgetsRenewals { return try read(number, life) }
            life.inFlight.insert(number)
            try step(.renewLease(lease, waiter: waiter), life)
        }
        openTurn(life)
    }

    /// As the shell does with what the leader alone can answer.
    private func forward(_ number: Int, _ life: Life) throws(Violation) {
        life.inFlight.remove(number)
        operations[number].holder = nil
        guard operations[number].hops < 2, let leader = life.replica.status.leader, let target = host(leader),
            target !== life.host, !network.isCut(from: life.host.place, to: target.place)
        else { return try finish(number, .refused(.notLeader(life.replica.status.leader))) }
        operations[number].hops += 1
        plan(.requestArrives(number, at: target.place), in: networking.number(1...network.delay))
    }

    func answer(_ reply: Effects.Reply, _ life: Life) throws(Violation) {
        // What was done by hand.
        if reply.waiter == WaiterID(.max) { return }
        if reply.waiter.rawValue >= Self.firstOutboxWaiter { return try answerOutbox(reply, life) }
        let number = Int(reply.waiter.rawValue)
        if operations[number].holder !== life, operations[number].answer == nil {
            throw Violation("request \(number) is answered by who was not asked")
        }
        if case .keepAlive = operations[number].request {
            switch reply.result {
            // The lease had run out, and is gone now.
            case .success(.leaseRevoke), .failure(.refused(.leaseNotFound)):
                return try finish(number, .keepAlive(ttlSeconds: nil))
            case .failure(.notLeader): return try forward(number, life)
            default: break
            }
        }
        switch reply.result {
        case .success(.leaseRenewal(let ttlSeconds)): try finish(number, .keepAlive(ttlSeconds: ttlSeconds))
        case .success(let response): try finish(number, .write(.success(response)))
        case .failure(.refused(let error)): try finish(number, .write(.failure(error)))
        case .failure(.stopped): try finish(number, .unknown)
        case .failure(.timedOut(let cause)):
            counts.timeouts += 1
            try finish(number, cause == .notProposed ? .refused(.timedOut(cause)) : .unknown)
        case .failure(let error): try finish(number, .refused(error))
        }
    }

    func answer(_ reply: Effects.ReadReply, _ life: Life) throws(Violation) {
        let number = Int(reply.waiter.rawValue)
        if let error = reply.error { return try finish(number, .refused(error)) }
        if case .leaseStatus = operations[number].request, !life.replica.status.countsLeases {
            return try finish(number, .refused(.notLeader(nil)))
        }
        try read(number, life)
    }

    /// Serves from the store as it is now.
    private func read(_ number: Int, _ life: Life) throws(Violation) {
        let now = moment(of: life).monotonic
        let store = life.staleStore ?? life.replica.store
        let answer: Operation.Answer
        switch operations[number].request {
        case .range(let request, _): answer = .range(result { () throws(KeyValueError) in try store.range(request) })
        case .readTxn(let request):
            answer = .readTxn(result { () throws(KeyValueError) in try store.readOnlyTxn(request) })
        case .leaseStatus(let lease):
            answer = .leaseStatus(store.leaseStatus(lease, now: now, includingKeys: true))
        case .leases: answer = .leases(store.leaseIDs())
        case .keepAlive(let lease):
            // For a flaw: what is renewed is a copy.
            var copy = life.replica.store
            answer = .keepAlive(ttlSeconds: copy.keepAliveLease(lease, now: now))
        case .write: preconditionFailure("a write is served as a read")
        }
        try finish(number, answer)
    }

    private func result<Response>(
        _ body: () throws(KeyValueError) -> Response
    ) -> Result<Response, KeyValueError> {
        do throws(KeyValueError) {
            return .success(try body())
        } catch {
            return .failure(error)
        }
    }

    /// A client learns what became of its request.
    func finish(_ number: Int, _ answer: Operation.Answer) throws(Violation) {
        guard operations[number].answer == nil else { throw Violation("request \(number) is answered twice") }
        let life = operations[number].holder
        life?.inFlight.remove(number)
        operations[number].holder = nil
        trace.note(now, "answered", number, answer.kind, "\(answer)")
        try oracle.check(
            answer, to: operations[number], number: number, applied: life?.replica.applied.index, at: now)
        operations[number].answer = answer
        operations[number].ended = now
        noteRegister(operations[number])
        answeredCount += 1
        switch answer {
        case .refused:
            counts.refused += 1
            connections[operations[number].client] = nil
        case .unknown:
            counts.unknown += 1
            connections[operations[number].client] = nil
        case .write, .range, .readTxn, .keepAlive, .leaseStatus, .leases: counts.answered += 1
        }
        let client = operations[number].client
        let rest = isReader(client) ? max(conditions.thinkTime, Self.readersRest) : conditions.thinkTime
        plan(.clientActs(client), in: timing.number(0...rest))
    }
}

extension Operation.Answer {
    /// For the trace.
    fileprivate var kind: Int {
        switch self {
        case .write(let result): (try? result.get()) == nil ? 0 : 1
        case .range(let result): (try? result.get()) == nil ? 2 : 3
        case .readTxn(let result): (try? result.get()) == nil ? 4 : 5
        case .keepAlive(let ttlSeconds): ttlSeconds == nil ? 6 : 7
        case .leaseStatus(let status): status == nil ? 8 : 9
        case .leases: 10
        case .refused: 11
        case .unknown: 12
        }
    }
}
