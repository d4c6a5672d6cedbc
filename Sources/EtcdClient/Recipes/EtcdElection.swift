// SPDX-License-Identifier: Apache-2.0

/// What a leader has while it leads.
public struct EtcdLeadership: Sendable {
    /// The name of the election.
    public let name: String
    private let place: EtcdPlace

    init(_ name: String, _ place: EtcdPlace) {
        self.name = name
        self.place = place
    }

    /// The session that the leadership lives by.
    public var session: EtcdSession { self.place.session }
    /// The key that stands for this leader.
    public var key: [UInt8] { self.place.key }
    /// A number that is greater for every later leader; see ``EtcdLock/fencingToken``.
    public var fencingToken: Int64 { self.place.createRevision }
    /// Holds in a transaction for as long as the leadership lasts; see ``EtcdLock/condition``.
    public var condition: EtcdComparison { self.place.condition }

    /// Tells everybody another value, without another election.
    ///
    /// - Throws: ``EtcdError/Code/notLeader`` when somebody else leads by now.
    public func proclaim(_ value: some Sequence<UInt8>) async throws {
        let result = try await self.session.client.transaction(
            when: [self.condition],
            then: [.put(key: self.key, value: [UInt8](value), lease: self.session.leaseID)])
        guard result.succeeded else { throw EtcdError(.notLeader, "not the leader of \(self.name)") }
    }

    /// Tells everybody another value, without another election.
    public func proclaim(_ value: String) async throws { try await self.proclaim(value.utf8) }
}

extension EtcdSession {
    /// Waits until it is elected, does a leader's work, and resigns.
    ///
    /// Leaders take turns in the order in which they came. When the leadership is lost, because the session is or
    /// because somebody deleted its key, the work's task is cancelled.
    ///
    /// - Parameters:
    ///   - name: The name of the election.
    ///   - value: What observers are told of this leader, most often where to reach it.
    /// - Throws: ``EtcdError/Code/notLeader`` or ``EtcdError/Code/sessionLost`` when that happened while the work went
    ///   on; else what the work throws, and `CancellationError` for a task cancelled while it waits.
    public func withLeadership<Result: Sendable>(
        of name: String, value: some Sequence<UInt8>,
        _ body: @escaping @Sendable (EtcdLeadership) async throws -> Result
    ) async throws -> Result {
        let place = try await EtcdPlace.join(name, value: [UInt8](value), session: self)
        return try await place.whileFirst(lost: .notLeader) { try await body(EtcdLeadership(name, place)) }
    }

    /// Waits until it is elected, does a leader's work, and resigns; with a text as value.
    public func withLeadership<Result: Sendable>(
        of name: String, value: String, _ body: @escaping @Sendable (EtcdLeadership) async throws -> Result
    ) async throws -> Result {
        try await self.withLeadership(of: name, value: value.utf8, body)
    }
}

extension EtcdClient {
    /// Waits until it is elected, does a leader's work, and resigns; with a session of its own.
    ///
    /// - Throws: As ``EtcdSession/withLeadership(of:value:_:)-(_,String,_)``.
    public func withLeadership<Result: Sendable>(
        of name: String, value: String, ttlSeconds: Int64 = EtcdClient.defaultSessionSeconds,
        _ body: @escaping @Sendable (EtcdLeadership) async throws -> Result
    ) async throws -> Result {
        try await self.withSession(ttlSeconds: ttlSeconds) {
            try await $0.withLeadership(of: name, value: value, body)
        }
    }

    /// The key of the leader, with the value it proclaimed last; `nil` while there is none.
    public func leader(of name: String) async throws -> EtcdKeyValue? {
        try await self.get(EtcdPlace.line(name)) { options in
            options.sortTarget = .createRevision
            options.sortOrder = .ascending
            options.limit = 1
        }.keyValues.first
    }

    /// The leader now, and every later change of who leads or of what it proclaims.
    public func leaders(of name: String) -> EtcdLeaders { EtcdLeaders(client: self, name: name) }
}

/// Who leads, from now on: the leader's key, or `nil` while there is none. See ``EtcdClient/leaders(of:)``.
///
/// No leader is left out, but for those whose history was compacted away before it was read. It ends as a watch does,
/// except that it outlives compaction.
public struct EtcdLeaders: AsyncSequence, Sendable {
    public typealias Element = EtcdKeyValue?

    let client: EtcdClient
    let name: String

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(client: self.client, name: self.name) }

    public struct AsyncIterator: AsyncIteratorProtocol {
        private let client: EtcdClient
        private let line: EtcdKeyRange
        private var watch: EtcdWatch.AsyncIterator?
        /// Changes that aren't taken in yet.
        private var pending: ArraySlice<EtcdEvent> = []
        /// All that stand in line, the leader first.
        private var candidates: [EtcdKeyValue] = []
        /// What was told last, from the first time on.
        private var told: EtcdKeyValue??
        /// An error was thrown; nothing comes after it.
        private var isOver = false

        fileprivate init(client: EtcdClient, name: String) {
            self.client = client
            self.line = EtcdPlace.line(name)
        }

        public mutating func next() async throws -> EtcdKeyValue?? {
            while !self.isOver {
                do {
                    try await self.advance()
                } catch let error as EtcdError where error.code == .compacted {
                    self.watch = nil
                } catch {
                    self.isOver = true
                    throw error
                }
                guard self.told == nil || self.told != .some(self.candidates.first) else { continue }
                self.told = .some(self.candidates.first)
                return .some(self.candidates.first)
            }
            return nil
        }

        /// Takes in what the next revision changed.
        private mutating func advance() async throws {
            guard self.watch != nil else {
                let all = try await self.client.get(self.line)
                self.candidates = all.keyValues.sorted { $0.createRevision < $1.createRevision }
                self.watch = self.client.watch(self.line, from: all.nextRevision).makeAsyncIterator()
                return
            }
            if self.pending.isEmpty { self.pending = try await self.watch?.next()?.events[...] ?? [] }
            // One revision at a time: a batch may tell of several leaders.
            guard let revision = self.pending.first?.keyValue.modRevision else { return }
            while let event = self.pending.first, event.keyValue.modRevision == revision {
                self.pending.removeFirst()
                let index = self.candidates.firstIndex { $0.key == event.keyValue.key }
                switch (event.kind, index) {
                case (.put, let index?): self.candidates[index] = event.keyValue
                case (.put, nil): self.candidates.append(event.keyValue)
                case (.delete, let index?): self.candidates.remove(at: index)
                case (.delete, nil): break
                }
            }
            self.candidates.sort { $0.createRevision < $1.createRevision }
        }
    }
}
