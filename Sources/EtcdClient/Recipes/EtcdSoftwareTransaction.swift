// SPDX-License-Identifier: Apache-2.0

/// Reads and writes that take effect together or not at all, as if nobody else used the store meanwhile.
///
/// All reads see one revision, that of the first, and what this transaction wrote before. Writes are kept until the
/// end, then done at once if nothing that was read, or is to be written, has changed since; otherwise all is done anew.
/// For the use of one task. See ``EtcdClient/atomically(maximumAttempts:_:)``.
public final class EtcdSoftwareTransaction {
    private enum Write {
        case put([UInt8], lease: EtcdLeaseID)
        case delete
    }

    private let client: EtcdClient
    /// The revision that all reads are made at, from the first on.
    private var revision: Int64?
    /// The keys that were read, with the revision that wrote them; 0 for those that weren't there.
    private var reads: [[UInt8]: Int64] = [:]
    private var values: [[UInt8]: [UInt8]] = [:]
    private var ranges: Set<EtcdKeyRange> = []
    private var writes: [[UInt8]: Write] = [:]

    init(_ client: EtcdClient) { self.client = client }

    /// The value of a key; `nil` when it doesn't exist.
    public func get(_ key: some Sequence<UInt8>) async throws -> [UInt8]? {
        let key = [UInt8](key)
        switch self.writes[key] {
        case .put(let value, _): return value
        case .delete: return nil
        case nil: break
        }
        if self.reads[key] == nil {
            let found = try await self.read(.key(key)).first
            self.reads[key] = found?.modRevision ?? 0
            self.values[key] = found?.value
        }
        return self.values[key]
    }

    /// The value of a key as text; `nil` when it doesn't exist.
    public func get(_ key: String) async throws -> String? {
        try await self.get(key.utf8).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The keys of a range with their values, in the order of the keys. The range counts as read, so that a key that
    /// others add to it is a conflict as well.
    public func get(_ keys: EtcdKeyRange) async throws -> [(key: [UInt8], value: [UInt8])] {
        if !self.ranges.contains(keys) {
            for found in try await self.read(keys) {
                self.reads[found.key] = found.modRevision
                self.values[found.key] = found.value
            }
            self.ranges.insert(keys)
        }
        var result = self.values.filter { keys.contains($0.key) }
        for (key, write) in self.writes where keys.contains(key) {
            switch write {
            case .put(let value, _): result[key] = value
            case .delete: result[key] = nil
            }
        }
        return result.map { (key: $0.key, value: $0.value) }.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    }

    /// Writes a key.
    public func put(_ key: some Sequence<UInt8>, _ value: some Sequence<UInt8>, lease: EtcdLeaseID = .none) {
        self.writes[[UInt8](key)] = .put([UInt8](value), lease: lease)
    }

    /// Writes a key, both as text.
    public func put(_ key: String, _ value: String, lease: EtcdLeaseID = .none) {
        self.put(key.utf8, value.utf8, lease: lease)
    }

    /// Deletes a key.
    public func delete(_ key: some Sequence<UInt8>) { self.writes[[UInt8](key)] = .delete }

    /// Deletes a key.
    public func delete(_ key: String) { self.delete(key.utf8) }

    private func read(_ keys: EtcdKeyRange) async throws -> [EtcdKeyValue] {
        let result = try await self.client.get(keys) { $0.revision = self.revision ?? 0 }
        self.revision = self.revision ?? result.revision
        return result.keyValues
    }

    /// Writes what is to be written, if nothing has changed.
    ///
    /// - Returns: The revision of the writes, or of the reads where there are none; `nil` on a conflict.
    func commit() async throws -> Int64? {
        guard !self.writes.isEmpty else { return self.revision ?? 0 }
        var transaction = EtcdTransaction()
        transaction.when(self.reads.map { .modRevision(.key($0.key), .equal, $0.value) })
        if let revision = self.revision {
            let next = revision.followingRevision
            transaction.when(self.ranges.map { .modRevision($0, .less, next) })
            // A key that is only written must not overwrite what others wrote since the reads.
            transaction.when(
                self.writes.keys.filter { self.reads[$0] == nil }.map { .modRevision(.key($0), .less, next) })
        }
        for (key, write) in self.writes {
            switch write {
            case .put(let value, let lease): transaction.then.put(key, value, lease: lease)
            case .delete: transaction.then.delete(.key(key))
            }
        }
        let result = try await self.client.transaction(transaction)
        return result.succeeded ? result.revision : nil
    }
}

extension EtcdKeyRange {
    /// Whether a key is one of these.
    public func contains(_ key: [UInt8]) -> Bool {
        guard !self.end.isEmpty else { return key == self.key }
        return !key.lexicographicallyPrecedes(self.key)
            && (self.end == [0] || key.lexicographicallyPrecedes(self.end))
    }
}

extension EtcdClient {
    /// How often a software transaction is tried, unless told otherwise: that many others would have to come between.
    public static let defaultTransactionAttempts = 100
    /// The longest pause before another attempt. What it really is is left to chance, so that rivals part.
    static let longestConflictPause = Duration.milliseconds(100)

    /// Runs reads and writes as if nobody else used the store meanwhile.
    ///
    /// ```swift
    /// try await client.atomically { transaction in
    ///     let count = try await transaction.get("count").flatMap(Int.init) ?? 0
    ///     transaction.put("count", "\(count + 1)")
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - maximumAttempts: How often it is tried when others change the same keys.
    ///   - body: What to do. It runs anew after a conflict, so that it should do nothing but read, compute and write
    ///     by means of the transaction. Nothing is written when it throws.
    /// - Returns: What the body returned the last time.
    /// - Throws: ``EtcdError/Code/conflict`` when every attempt met with one. With ``EtcdError/Code/unavailable`` or
    ///   ``EtcdError/Code/timeout`` the writes may have been done or not.
    public func atomically<Result>(
        maximumAttempts: Int = EtcdClient.defaultTransactionAttempts,
        _ body: (EtcdSoftwareTransaction) async throws -> Result
    ) async throws -> Result {
        var pause = Duration.milliseconds(1)
        for attempt in 1...max(maximumAttempts, 1) {
            let transaction = EtcdSoftwareTransaction(self)
            do {
                let result = try await body(transaction)
                if try await transaction.commit() != nil { return result }
            } catch let error as EtcdError where error.code == .compacted {
                // The revision that was read at has gone: read anew.
            }
            guard attempt < maximumAttempts else { break }
            try await Task.sleep(for: pause * Double.random(in: 0...1))
            pause = min(pause * 2, Self.longestConflictPause)
        }
        let times = "\(max(maximumAttempts, 1)) times"
        throw EtcdError(.conflict, "others changed the same keys \(times)", wasNotExecuted: true)
    }
}
