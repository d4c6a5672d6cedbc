// SPDX-License-Identifier: Apache-2.0

internal import DequeModule
internal import Logging
internal import MartletWireAPI
internal import Synchronization

/// The last lines that a service has logged, for go-micro's `Debug.Log`, and for whoever follows it.
final class DebugLog: Sendable {
    /// Lines that are kept. Source: go-micro, debug/log.
    static let maximumRecords = 1000
    /// Lines that are sent first to somebody who follows. Source: go-micro, debug/log.
    static let recordsBeforeFollowing = 10
    /// Followers at once; a line is copied to each.
    static let maximumFollowers = 16

    private struct State {
        var records: Deque<MicroDebugRecord> = []
        var followers: [UInt64: AsyncStream<MicroDebugRecord>.Continuation] = [:]
        var nextFollower: UInt64 = 0
        var isEnding = false
    }

    private let state = Mutex(State())

    func add(_ event: LogEvent, _ metadata: Logger.Metadata) {
        var record = MicroDebugRecord()
        record.timestamp = Int64(clamping: ProcessStatistics.unixSeconds())
        record.value = "\(event.message)"
        record.metadata = metadata.mapValues { "\($0)" }
        record.metadata["level"] = "\(event.level)"
        self.state.withLock { state in
            if state.records.count == Self.maximumRecords { state.records.removeFirst() }
            state.records.append(record)
            // Wakes tasks and runs none.
            for follower in state.followers.values { follower.yield(record) }
        }
    }

    /// What was logged, the oldest first, and, for one who follows, what comes behind that.
    ///
    /// - Parameters:
    ///   - count: The most to return; `nil` is all of it, or what followers get first.
    ///   - since: Seconds since 1970 of the oldest line; 0 has no effect.
    func records(
        atMost count: Int?, since: Int64, follow: Bool
    ) -> (known: [MicroDebugRecord], later: AsyncStream<MicroDebugRecord>?) {
        let (stream, continuation) = AsyncStream.makeStream(
            of: MicroDebugRecord.self, bufferingPolicy: .bufferingNewest(Self.maximumRecords))
        let (known, id) = self.state.withLock { state -> ([MicroDebugRecord], UInt64?) in
            let wanted = state.records.filter { since <= 0 || $0.timestamp >= since }
            let known = Array(wanted.suffix(count ?? (follow ? Self.recordsBeforeFollowing : Self.maximumRecords)))
            guard follow, !state.isEnding, state.followers.count < Self.maximumFollowers else { return (known, nil) }
            state.nextFollower += 1
            state.followers[state.nextFollower] = continuation
            return (known, state.nextFollower)
        }
        guard let id else { return (known, nil) }
        // Ended by whoever reads, most often because its call is cancelled.
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.followers.removeValue(forKey: id) }
        }
        return (known, stream)
    }

    /// Nobody follows any more: the service ends.
    func endFollowing() {
        let followers = self.state.withLock { state in
            state.isEnding = true
            defer { state.followers = [:] }
            return state.followers
        }
        for follower in followers.values { follower.finish() }
    }
}

/// Hands everything on to the handler that it stands before, and keeps a copy.
struct RecordingLogHandler: LogHandler {
    var base: any LogHandler
    let log: DebugLog

    var logLevel: Logger.Level {
        get { self.base.logLevel }
        set { self.base.logLevel = newValue }
    }

    var metadata: Logger.Metadata {
        get { self.base.metadata }
        set { self.base.metadata = newValue }
    }

    var metadataProvider: Logger.MetadataProvider? {
        get { self.base.metadataProvider }
        set { self.base.metadataProvider = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.base[metadataKey: key] }
        set { self.base[metadataKey: key] = newValue }
    }

    func log(event: LogEvent) {
        self.log.add(event, self.base.metadata.merging(event.metadata ?? [:]) { $1 })
        self.base.log(event: event)
    }
}
