// SPDX-License-Identifier: Apache-2.0

/// A key that stands in line with others under one name: what locks and elections are made of.
///
/// Keys are `name/` followed by the session's lease in hexadecimal, so that etcd's own tools, and clients in other
/// languages, stand in the same line. A session's further places have a number behind: two tasks that share a session
/// wait for one another like any two. The key with the least create revision is first; each waits only for the one
/// right before it, so that a departure wakes one. Source: etcd's concurrency recipes.
struct EtcdPlace: Sendable {
    let session: EtcdSession
    /// What all keys in this line begin with.
    let line: EtcdKeyRange
    let key: [UInt8]
    /// The revision that put the key in line; later places have greater ones.
    let createRevision: Int64

    private var client: EtcdClient { self.session.client }

    /// Holds for as long as the place is kept.
    var condition: EtcdComparison { .createRevision(.key(self.key), .equal, self.createRevision) }

    /// All keys in line for a name.
    static func line(_ name: String) -> EtcdKeyRange { .prefix("\(name)/") }

    /// Puts a key in line.
    static func join(_ name: String, value: [UInt8], session: EtcdSession) async throws -> EtcdPlace {
        try session.checkAlive()
        let number = session.makePlaceNumber()
        let key = [UInt8]("\(name)/\(session.leaseID)\(number == 1 ? "" : "-\(number)")".utf8)
        // The key is no one else's: finding it there means that an earlier attempt came through.
        let done = try await session.client.transaction(
            [.isMissing(.key(key))], [.put(key: key, value: value, lease: session.leaseID)], [.get(.key(key))],
            .always)
        var createRevision = done.revision
        if !done.succeeded, case .get(let found) = done.results.first, let present = found.keyValues.first {
            createRevision = present.createRevision
        }
        return EtcdPlace(session: session, line: Self.line(name), key: key, createRevision: createRevision)
    }

    /// Who stands right before this place.
    func predecessor() async throws -> (key: EtcdKeyValue?, nextRevision: Int64) {
        let result = try await self.client.get(self.line) { options in
            options.maximumCreateRevision = self.createRevision - 1
            options.sortTarget = .createRevision
            options.sortOrder = .descending
            options.limit = 1
            options.isKeysOnly = true
        }
        return (result.keyValues.first, result.nextRevision)
    }

    /// Waits until this place is the first.
    ///
    /// - Returns: The revision from which on a loss of the place would be seen.
    /// - Throws: ``EtcdError/Code/sessionLost`` when the place was lost meanwhile.
    func becomeFirst() async throws -> Int64 {
        while true {
            let (before, nextRevision) = try await self.predecessor()
            guard let before else { break }
            try await self.client.waitForDeletion(of: .key(before.key), from: nextRevision)
        }
        // The lease may have ended while others left: being first is worth nothing then.
        guard let next = try await self.nextRevisionIfKept() else { throw await self.loss() }
        try self.session.checkAlive()
        return next
    }

    /// Waits until the place is lost.
    ///
    /// - Parameter revision: The first revision at which it may have been.
    /// - Returns: Why it was.
    func untilLost(from revision: Int64) async throws -> EtcdError {
        var revision = revision
        while true {
            do {
                for try await batch in self.client.watch(.key(self.key), from: revision, skipping: [.put])
                where !batch.events.isEmpty {
                    return await self.loss()
                }
            } catch let error as EtcdError where error.code == .compacted {
                guard let next = try await self.nextRevisionIfKept() else { return await self.loss() }
                revision = next
            }
        }
    }

    private func nextRevisionIfKept() async throws -> Int64? {
        let result = try await self.client.get(.key(self.key)) { $0.isKeysOnly = true }
        return result.keyValues.first?.createRevision == self.createRevision ? result.nextRevision : nil
    }

    /// What to tell of a key that is gone: most often its lease is.
    private func loss() async -> EtcdError {
        do {
            _ = try await self.client.leaseStatus(self.session.leaseID)
        } catch let error as EtcdError where error.code == .leaseNotFound {
            return EtcdError(.sessionLost, "the session was lost: its lease has ended")
        } catch {
            // Nobody knows; the key is gone all the same.
        }
        return EtcdError(.lockLost, "the key \(String(decoding: self.key, as: UTF8.self)) was deleted")
    }

    /// The pause between two attempts to leave.
    private static let leavePause = Duration.milliseconds(200)

    /// Takes the key out of line, also for a cancelled task. Tries for as long as the session lives: a key that stayed
    /// would hold up everybody behind it.
    func leave() async {
        await Task {
            while self.session.isAlive {
                do {
                    _ = try await self.client.transaction([self.condition], [.delete(.key(self.key))], [], .always)
                    return
                } catch let error as EtcdError where error.code == .unavailable || error.code == .timeout {
                    try? await Task.sleep(for: Self.leavePause)
                } catch {
                    return
                }
            }
        }.value
    }

    /// Waits for the first place, does some work, leaves.
    ///
    /// - Throws: When the place is lost meanwhile, the work is cancelled and the loss is thrown, as `lost` tells it.
    func whileFirst<Result: Sendable>(
        lost: EtcdError.Code, _ work: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        do {
            let revision = try await self.becomeFirst()
            let result = try await either(work) {
                let loss = try await self.untilLost(from: revision)
                return loss.code == .lockLost ? EtcdError(lost, loss.message) : loss
            }
            await self.leave()
            return result
        } catch {
            await self.leave()
            throw error
        }
    }
}

extension EtcdClient {
    /// Waits until keys are deleted at a revision or later. Returns as well when history doesn't tell any longer.
    func waitForDeletion(of keys: EtcdKeyRange, from revision: Int64) async throws {
        do {
            for try await batch in self.watch(keys, from: revision, skipping: [.put]) where !batch.events.isEmpty {
                return
            }
        } catch let error as EtcdError where error.code == .compacted {
            // Whoever waits looks again.
        }
    }
}
