// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEtcdClient

/// One client that writes until the server is gone.
struct Writer {
    let client: EtcdClient
    let recorder: Recorder
    /// No other writer of the store has it; part of all values.
    let name: String
    var random: SeededRandom
    private var count = 0
    /// Leases of this writer that it hasn't revoked.
    private var leases: [Int64] = []

    init(_ client: EtcdClient, _ recorder: Recorder, name: String, random: SeededRandom) {
        self.client = client
        self.recorder = recorder
        self.name = name
        self.random = random
    }

    private static let hotKeyCount = 32
    /// Eight writers make thirty megabytes of it.
    private static let bulkCount = 12
    /// Longer than any test.
    static let longTTLSeconds: Int64 = 3600
    /// Ends while the test watches; no store has a shorter one.
    static let shortTTLSeconds: Int64 = 2

    /// - Parameter isBulky: Whether it begins with large values.
    mutating func run(isBulky: Bool) async {
        var isBulky = isBulky
        while !Task.isCancelled {
            do {
                if isBulky {
                    isBulky = false
                    try await putInBulk()
                }
                try await step()
            } catch let error as EtcdError {
                // The lease may have ended by itself.
                if error.code == .leaseNotFound { continue }
                if error.code != .unavailable, error.code != .timeout, error.code != .closed {
                    recorder.report("a request failed: \(error)")
                }
                return
            } catch {
                return
            }
        }
    }

    private mutating func step() async throws {
        switch Int.random(in: 0..<100, using: &random) {
        case ..<45: try await put(hotKey())
        case ..<60: try await put("many/\(name).\(count)")
        case ..<70: try await delete()
        case ..<85: try await swap()
        case ..<90: try await read()
        case ..<94: try await grant()
        case ..<98: try await put("leased/\(name).\(count)", lease: leases.randomElement(using: &random) ?? keptLease)
        default: try await revoke()
        }
    }

    private mutating func hotKey() -> String { "hot/\(Int.random(in: 0..<Self.hotKeyCount, using: &random))" }

    /// Some are longer than a sector, some than a page.
    private mutating func value() -> TestValue {
        count += 1
        let padding =
            switch Int.random(in: 0..<20, using: &random) {
            case 0: Int.random(in: 4_000..<40_000, using: &random)
            case ..<6: Int.random(in: 300..<2_000, using: &random)
            default: Int.random(in: 0..<60, using: &random)
            }
        return TestValue(name: "\(name).\(count)", padding: padding)
    }

    private var keptLease: Int64 { recorder.existence(of: KeptLease.id) == .granted ? KeptLease.id : 0 }

    // MARK: Requests

    /// Records a write around its request, which returns the revision that it made, if it made one.
    private func perform(_ write: KnownWrite, _ request: () async throws -> Int64?) async throws {
        let number = recorder.begin(write)
        do {
            recorder.end(number, try await request().map { .made($0) } ?? .nothing)
        } catch let error as EtcdError {
            let isRefused = error.wasNotExecuted || error.code == .leaseNotFound
            recorder.end(number, isRefused ? .nothing : .unknown)
            throw error
        }
    }

    private mutating func put(_ key: String, lease: Int64 = 0) async throws {
        try await put(key, value(), lease: lease)
    }

    private func put(_ key: String, _ value: TestValue, lease: Int64 = 0) async throws {
        try await perform(KnownWrite(puts: [.init(key: key, value: value.text, lease: lease)])) {
            try await client.put(key.utf8, value.bytes, lease: EtcdLeaseID(rawValue: lease)).revision
        }
    }

    /// Large values to few keys, so that the log gets to its next segment.
    private mutating func putInBulk() async throws {
        for _ in 0..<Self.bulkCount {
            count += 1
            let padding = Int.random(in: 100_000..<500_000, using: &random)
            try await put("bulk/\(count % 4)", TestValue(name: "\(name).\(count)", padding: padding))
        }
    }

    private mutating func delete() async throws {
        let key = hotKey()
        try await perform(KnownWrite(deletes: [key])) {
            let result = try await client.delete(.key(key))
            return result.count > 0 ? result.revision : nil
        }
    }

    /// Changes three keys at once if the first is as this client has seen it last.
    private mutating func swap() async throws {
        let key = hotKey()
        let condition = KnownWrite.Condition(key: key, modRevision: recorder.modRevision(of: key) ?? 0)
        let pair = "pair/\(name).\(count)"
        var deleted = hotKey()
        while deleted == key { deleted = hotKey() }
        let values = [value(), value()]
        let write = KnownWrite(
            puts: [.init(key: key, value: values[0].text), .init(key: pair, value: values[1].text)],
            deletes: [deleted], condition: condition)
        try await perform(write) {
            let result = try await client.transaction(
                when: [.modRevision(.key(key), .equal, condition.modRevision)],
                then: [
                    .put(key: Array(key.utf8), value: values[0].bytes),
                    .put(key: Array(pair.utf8), value: values[1].bytes), .delete(.key(deleted)),
                ],
                otherwise: [.get(.key(key))])
            if result.succeeded { return result.revision }
            if case .get(let found) = result.results.first, let keyValue = found.keyValues.first {
                recorder.saw(key, modRevision: keyValue.modRevision)
            }
            return nil
        }
    }

    /// A linearizable read must show all that was acknowledged before.
    private mutating func read() async throws {
        let key = hotKey()
        let (revision, modRevision) = (recorder.revision, recorder.modRevision(of: key))
        let result = try await client.get(.key(key))
        if result.revision < revision { recorder.report("a read is at \(result.revision), older than \(revision)") }
        if let found = result.keyValues.first, let modRevision, found.modRevision < modRevision {
            recorder.report("a read finds \(key) of \(found.modRevision), older than \(modRevision)")
        }
    }

    private mutating func grant() async throws {
        count += 1
        let id = Int64.random(in: 1...(.max), using: &random)
        let ttlSeconds = Bool.random(using: &random) ? Self.longTTLSeconds : Self.shortTTLSeconds
        recorder.change(lease: id) { $0 = KnownLease(id: id, ttlSeconds: ttlSeconds, renewed: .now) }
        let lease = try await client.grantLease(ttlSeconds: ttlSeconds, id: EtcdLeaseID(rawValue: id))
        if lease.id.rawValue != id || lease.ttlSeconds < ttlSeconds { recorder.report("asked for \(id), got \(lease)") }
        recorder.change(lease: id) {
            $0.existence = .granted
            $0.ttlSeconds = lease.ttlSeconds
        }
        leases.append(id)
    }

    private mutating func revoke() async throws {
        guard let id = leases.randomElement(using: &random) else { return }
        leases.removeAll { $0 == id }
        recorder.change(lease: id) { $0.revoke = .sent }
        try await client.revokeLease(EtcdLeaseID(rawValue: id))
        recorder.change(lease: id) { $0.revoke = .done }
    }
}
