// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEtcdClient

/// A client that holds one lease after another, with a key on each: some it renews, some it ends, and some it lets end.
/// None may be over before its time, whoever was killed or cut off meanwhile, and what was revoked is gone.
struct TortureLeases {
    private struct Held {
        var id: EtcdLeaseID
        var key: String
        var witness: LeaseWitness
        var isRenewed: Bool
        /// Whether the key was put.
        var isThere = false
    }

    let ledger: TortureLedger
    let name: String
    var random: SeededRandom
    private var member: SlotClient
    private var held: Held?
    private var count = 0

    private static let ttlSeconds: Int64 = 3
    /// How long the last lease may take to be ended, when all faults are over.
    private static let endLimit = Duration.seconds(200)

    init(
        _ cluster: TortureCluster, _ ledger: TortureLedger, name: String, slot: Int, mayBeFull: Bool,
        random: SeededRandom
    ) {
        (self.ledger, self.name, self.random) = (ledger, name, random)
        member = SlotClient(cluster, slot: slot, mayBeFull: mayBeFull)
    }

    /// Runs until the ledger is closed. No key of a lease is left behind.
    mutating func run() async {
        while !ledger.isClosed {
            do {
                try await step(try await member.current())
            } catch let error as EtcdError {
                if !member.isToBeExpected(error) {
                    ledger.report("a request of \(name) failed: \(error)")
                    break
                }
            } catch {
                ledger.report("a request of \(name) failed: \(error)")
                break
            }
            try? await Task.sleep(for: .milliseconds(50 + random.below(300)))
        }
        await end()
        await member.close()
    }

    private mutating func step(_ client: EtcdClient) async throws {
        guard let held else { return try await grant(client) }
        if !held.isThere { return try await put(client) }
        // What isn't renewed is left to end.
        if !held.isRenewed { return try await look(client) }
        switch random.below(10) {
        case ..<4: try await look(client)
        case 9: try await revoke(client)
        default: try await renew(client)
        }
    }

    private mutating func grant(_ client: EtcdClient) async throws {
        count += 1
        let began = ledger.now
        let lease = try await client.grantLease(ttlSeconds: Self.ttlSeconds)
        held = Held(
            id: lease.id, key: "l/\(name).\(count)",
            witness: LeaseWitness(askedAt: began, ttlSeconds: lease.ttlSeconds), isRenewed: random.below(3) > 0)
    }

    private mutating func put(_ client: EtcdClient) async throws {
        guard let held else { return }
        let (value, began) = (ledger.newValue(), ledger.now)
        func note(_ outcome: KnownCall.Outcome) {
            ledger.note(
                KnownCall(key: held.key, action: .put(value), outcome: outcome, began: began, ended: ledger.now))
        }
        do {
            note(.done(revision: try await client.put(held.key, "\(value)", lease: held.id).revision))
            self.held?.isThere = true
        } catch let error as EtcdError {
            note(error.wasNotExecuted ? .never : .unknown)
            guard error.code == .leaseNotFound else { throw error }
            isGone("a put found no lease")
        }
    }

    private mutating func look(_ client: EtcdClient) async throws {
        guard let held else { return }
        if try await read(held, client) == nil { isGone("a read found no key") }
    }

    private func read(_ held: Held, _ client: EtcdClient) async throws -> UInt64? {
        let began = ledger.now
        let found = try await client.get(.key(held.key))
        let pair = found.keyValues.first
        let value = pair.flatMap { UInt64($0.valueText) }
        ledger.note(
            KnownCall(
                key: held.key, action: .read(value: value, modRevision: pair?.modRevision ?? 0),
                outcome: .done(revision: found.revision), began: began, ended: ledger.now))
        return value
    }

    private mutating func renew(_ client: EtcdClient) async throws {
        guard let held else { return }
        let began = ledger.now
        do {
            let ttl = try await client.keepAliveOnce(held.id)
            self.held?.witness.renewed(askedAt: began, ttlSeconds: ttl)
        } catch let error as EtcdError {
            if error.code == .leaseNotFound { return isGone("a renewal found no lease") }
            // Its answer may come yet, and would be taken for that of a later one.
            self.held?.isRenewed = false
            throw error
        }
    }

    private mutating func revoke(_ client: EtcdClient) async throws {
        guard let held else { return }
        // Whether this is answered or not, it may take effect.
        self.held?.witness = LeaseWitness(askedAt: 0, ttlSeconds: 0)
        self.held?.isRenewed = false
        do {
            try await client.revokeLease(held.id)
        } catch let error as EtcdError where error.code == .leaseNotFound {
            // An attempt of the client's before.
        }
        self.held = nil
        if let value = try await read(held, client) {
            ledger.report("\(held.key) is there, with \(value), though its lease was revoked")
        }
    }

    private mutating func isGone(_ text: String) {
        guard let held else { return }
        self.held = nil
        let now = ledger.now
        guard held.witness.isTooEarly(at: now) else { return }
        let missing = (held.witness.livesUntil - now) / 1_000_000
        ledger.report("\(text): that of \(held.key) should have lived for \(missing) ms yet")
    }

    /// Ends what is held: what went later would be a change that some members have told of and others not.
    private mutating func end() async {
        guard let held else { return }
        let end = ContinuousClock.now + Self.endLimit
        var last = "no time"
        while ContinuousClock.now < end {
            do {
                try await member.current().revokeLease(held.id)
                return
            } catch let error as EtcdError where error.code == .leaseNotFound {
                return
            } catch {
                last = "\(error)"
                try? await Task.sleep(for: .milliseconds(200))
            }
        }
        ledger.report("the lease of \(held.key) can't be ended: \(last)")
    }
}
