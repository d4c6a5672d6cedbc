// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletRaft
import MartletReplica
import MartletSimulatedDisk
import MartletStorage
import MartletWALCodec

/// What lies on a disk and is not what was written there any more.
///
/// **Whom it strikes.** So that what was acknowledged survives: one member at a time, in runs where nobody else changes
/// members, and only while as many voters as began the cluster are there and count each other. The next one is struck
/// when a new member has taken the place of the last, and all know: of two voters one can't go on without the other,
/// and a voter counts a third one when it has applied that, not when that is committed.
///
/// **Where.** In what the next process reads: a value of the tables, or the log up to its last barrier. What stands
/// behind that can't always be told from a torn write; see `WALDecoder`.
///
/// **What must follow.** The member's next process refuses its disk because it is damaged, before it has said a word to
/// anybody. It is lost then, and does not come back; whoever looks after the cluster removes it and adds a new one.
extension Simulator {
    /// How often who looks after the cluster looks, at least.
    private static let operatorPause = 400_000

    func planDamage() {
        guard conditions.damages > counts.damages else { return }
        plan(.damageStrikes, in: damaging.number(50_000...1_500_000))
    }

    /// Ends a member's process, if it has one, and leaves the rest to its next start.
    func strikeDamage() throws(Violation) {
        guard case .busy = part else { return }
        let candidates = damageable()
        if candidates.isEmpty { return planDamage() }
        let host = damaging.pick(candidates)
        host.damage = damaging.flag() ? .log : .tables
        try die(damaging.flag() ? .power : .process, host.life)
    }

    /// Those of whom one may be struck.
    private func damageable() -> [Host] {
        guard hosts.allSatisfy({ $0.damage == nil && (!$0.isLost || $0.isReplaced) }), let leader = leadersLife
        else { return [] }
        let members = leader.replica.cluster.members
        if members.count != conditions.members || members.contains(where: \.isLearner) { return [] }
        let voters = members.compactMap { host($0.id) }
        let configuration = leader.replica.node.configuration
        let isKnown = voters.allSatisfy { host in
            host.life.map { $0.isReady && $0.replica.node.configuration == configuration } ?? false
        }
        return isKnown ? voters : []
    }

    // MARK: On the disk

    /// Damages what is to be damaged, if there is anything.
    ///
    /// - Returns: what is wrong now; `nil`: nothing.
    func damage(_ host: Host) -> String? {
        guard let damage = host.damage else { return nil }
        let done: String?
        switch damage {
        case .tables: done = host.tables.damage(&damaging).map { "\($0)" }
        case .log: done = damageLog(host)
        }
        host.damage = nil
        guard let done else {
            planDamage()
            return nil
        }
        counts.damages += 1
        trace.note(now, "damaged", host.place, counts.damages, done)
        return done
    }

    private func damageLog(_ host: Host) -> String? {
        // What the next process reads: from the entry on that follows the tables.
        let folder = logFolder(host)
        guard let state = try? restoredState(of: host.tables, host, at: Moment(monotonic: .zero, wallMilliseconds: 0)),
            let reading = try? folder.read(after: state.applied.index), let last = reading.segments.last
        else { return nil }
        if flaw == .believesDamagedRecords {
            host.believes = true
            return "\(last)"
        }
        let segment = damaging.pick(reading.segments)
        guard var bytes = host.disk.content(of: "\(folder.path)/\(segment)") else { return nil }
        let end = segment == last ? reading.syncedOffset : bytes.count
        guard let place = spoil(&bytes, end: end) else { return nil }
        guard (try? host.disk.replace("\(folder.path)/\(segment)", with: bytes)) != nil else { return nil }
        return "\(segment) at \(place)"
    }

    /// One bit, a sector of zeroes, or a sector that belongs elsewhere.
    ///
    /// - Returns: where; `nil` where nothing is different.
    private func spoil(_ bytes: inout [UInt8], end: Int) -> Int? {
        guard end > 0 else { return nil }
        let before = bytes
        var place = damaging.number(0...end - 1)
        let sectors = end / Self.sectorBytes
        switch damaging.number(0...3) {
        case 0 where sectors > 0:
            place = damaging.number(0...sectors - 1) * Self.sectorBytes
            for offset in 0..<Self.sectorBytes { bytes[place + offset] = 0 }
        case 1 where sectors > 1:
            place = damaging.number(0...sectors - 1) * Self.sectorBytes
            let other = damaging.number(0...sectors - 1) * Self.sectorBytes
            for offset in 0..<Self.sectorBytes { bytes[place + offset] = before[other + offset] }
        default: bytes[place] ^= 1 << UInt8(damaging.number(0...7))
        }
        return bytes == before ? nil : place
    }

    private static let sectorBytes = 512

    /// What a member reads that looks at no checksum: a bit of the last request that the tables don't have is another,
    /// one with which it is still a request.
    func believed(_ recovery: WALRecovery, _ host: Host) -> WALRecovery {
        guard host.believes else { return recovery }
        host.believes = false
        guard let last = recovery.entries.lastIndex(where: { $0.kind == .normal && $0.data.count > 8 }) else {
            return recovery
        }
        var batch = LogBatch()
        for (place, entry) in recovery.entries.enumerated() {
            let data = place == last ? Self.believable(entry.data) : entry.data
            batch.append(entry: entry.index, term: entry.term, kind: entry.kind, data: data.span.bytes)
        }
        if let state = recovery.hardState { batch.append(state, mustSync: true) }
        return Self.recovery(of: batch, after: recovery.after, metadata: recovery.metadata ?? []) ?? recovery
    }

    private static func believable(_ data: [UInt8]) -> [UInt8] {
        for place in data.indices.reversed() {
            var other = data
            other[place] ^= 1
            if (try? LogRecord(other)) != nil { return other }
        }
        return data
    }

    /// What a log says that holds these records.
    static func recovery(of batch: LogBatch, after: LogIndex, metadata: [UInt8]) -> WALRecovery? {
        var encoder = WALEncoder()
        encoder.appendChain()
        encoder.append(.metadata, metadata.span.bytes)
        var (cursor, head) = (LogBatch.Cursor(), LogHead())
        encoder.append(batch, from: &cursor, until: .max, head: &head)
        let name = WALSegmentName(sequence: 0, firstIndex: after == .zero ? after : after + 1)
        var decoder = WALDecoder(name, bytes: encoder.bytes.array, chain: 0, isLast: true)
        var recovery = WALRecovery(after: after)
        return (try? recovery.read(&decoder)) == nil ? nil : recovery
    }

    // MARK: The operator

    /// A member's process has refused its disk.
    func lose(_ host: Host, _ refusal: String) {
        host.isLost = true
        trace.note(now, "lost", host.place, counts.damages, refusal)
        plan(.operatorActs(host.place), in: damaging.number(1...Self.operatorPause * 5))
    }

    /// Has a lost member removed, and a new one in its place; looks again until both is done.
    func replace(_ lost: Host) throws(Violation) {
        if lost.isReplaced { return }
        plan(.operatorActs(lost.place), in: damaging.number(1_000...Self.operatorPause))
        guard let leader = leadersLife, leader.host.pausedUntil <= now else { return }
        let cluster = leader.replica.cluster
        let request: MemberRequest
        if cluster.member(lost.id) != nil {
            request = .remove(lost.id)
        } else if let member = cluster.member(replacement(of: lost).id) {
            guard member.isLearner else {
                lost.isReplaced = true
                return planDamage()
            }
            request = .promote(member.id)
        } else {
            let new = replacement(of: lost)
            request = .add(new.id, peerURLs: [Self.peerURL(new.place)], isLearner: damaging.flag())
        }
        trace.note(now, "operator", leader.host.place, cluster.members.count, "\(request)")
        try step(.changeMembers(request, waiter: WaiterID(.max)), leader)
        openTurn(leader)
    }

    private func replacement(of lost: Host) -> Host {
        if let place = lost.replacement { return hosts[place] }
        let place = hosts.count
        let host = Host(
            place: place, id: Self.memberID(place), beginning: .joining, disk: SimulatedDisk(seed: damaging.next()))
        host.isMember = false
        hosts.append(host)
        lost.replacement = place
        counts.replacedMembers += 1
        plan(.restart(place), in: damaging.number(1_000...500_000))
        return host
    }
}
