// SPDX-License-Identifier: Apache-2.0

package import MartletBasics
package import MartletWALCodec

/// What writing to a log took.
package struct LogEffort: Hashable, Sendable {
    package var writing = Duration.zero
    package var syncing = Duration.zero
    /// With framing, barriers and heads of segments.
    package var bytes = 0

    package init() {}
}

/// The end of a log, where it grows. All calls block on the disk; `LogWriter` runs it on a thread, a simulation
/// calls it itself.
///
/// The format is `WALDecoder`'s. Each write is one buffer at the end of the last segment, a barrier in front, and one
/// sync. When a write fills a segment, the segment is cut there and the next one begins.
package struct LogAppender: ~Copyable, Sendable {
    private let files: any LogFileSystem
    package let folder: String
    private let configuration: LogConfiguration
    private let source: any SegmentSource
    private let lock: any LogFolderLock
    private let metadata: [UInt8]

    /// The segments on disk, ascending; the last is the open one.
    package private(set) var segments: [WALSegmentName]
    private var file: any LogFile
    /// A write that ends here or behind fills the last segment; by what its own file takes.
    private var fullBytes: Int
    /// Where the next frame goes in the last segment.
    package private(set) var offset: Int
    package private(set) var head: LogHead
    private var encoder: WALEncoder
    /// Whether something was written that no barrier stands behind.
    private var needsBarrier = true
    private var spent = LogEffort()
    /// The first error; from then on nothing is tried any more.
    private var failure: StorageError?

    /// `file` is the last segment, on disk up to `offset` and zero behind it; it takes `size` bytes.
    init(
        files: any LogFileSystem, folder: String, configuration: LogConfiguration, source: any SegmentSource,
        lock: any LogFolderLock, metadata: [UInt8], segments: [WALSegmentName], file: any LogFile, size: Int,
        offset: Int, head: LogHead, chain: UInt32
    ) {
        self.files = files
        self.folder = folder
        self.configuration = configuration
        self.source = source
        self.lock = lock
        self.metadata = metadata
        self.segments = segments
        self.file = file
        fullBytes = configuration.fullBytes(of: size)
        self.offset = offset
        self.head = head
        encoder = WALEncoder(chain: chain)
    }

    /// Writes a batch and syncs it. When this returns, all of it is on disk. An empty batch costs nothing.
    ///
    /// - Throws: What the disk said; from then on always `.stopped`. After a failed sync no one can know what is on
    ///   disk, so it is not tried again.
    package mutating func append(_ batch: LogBatch) throws(StorageError) {
        try stopIfFailed()
        var cursor = LogBatch.Cursor()
        do throws(StorageError) {
            while !cursor.isAtEnd(of: batch) {
                encoder.removeAll()
                encoder.appendBarrier(at: offset)
                encoder.append(batch, from: &cursor, until: configuration.writeBytesMax, head: &head)
                try write()
                needsBarrier = true
                if offset >= fullBytes { try cut() }
            }
        } catch {
            failure = error
            throw error
        }
    }

    private mutating func stopIfFailed() throws(StorageError) {
        if let failure { throw StorageError(.stopped, "the log has failed before: \(failure.message)") }
    }

    /// Writes and syncs what is encoded.
    private mutating func write() throws(StorageError) {
        let place = offset
        let start = ContinuousClock.now
        try encoder.bytes.withSpan { bytes throws(StorageError) in try file.write(bytes, at: place) }
        let written = ContinuousClock.now
        try file.sync()
        offset += encoder.bytes.count
        spent.writing += written - start
        spent.syncing += ContinuousClock.now - written
        spent.bytes += encoder.bytes.count
    }

    /// What was spent since this was asked last.
    mutating func takeEffort() -> LogEffort {
        defer { spent = LogEffort() }
        return spent
    }

    /// Ends the segment and begins the next one. That gets its name when its head is on disk, so a named segment always
    /// has one.
    private mutating func cut() throws(StorageError) {
        guard let last = segments.last else { preconditionFailure("a log without segments in \(folder)") }
        try file.truncate(to: offset)
        try file.sync()
        file.close()
        let name = WALSegmentName(
            sequence: last.sequence + 1, firstIndex: LogIndex(head.lastIndex.rawValue + 1))
        let prepared = try source.next()
        file = prepared.file
        fullBytes = configuration.fullBytes(of: configuration.segmentBytes)
        offset = 0
        encoder.removeAll()
        Self.encodeHead(into: &encoder, metadata: metadata, state: head.hardState)
        try write()
        try files.rename(prepared.path, to: "\(folder)/\(name)")
        try files.syncFolder(folder)
        segments.append(name)
        needsBarrier = false
    }

    /// What each segment begins with.
    static func encodeHead(into encoder: inout WALEncoder, metadata: [UInt8], state: WALHardState?) {
        encoder.appendChain()
        encoder.append(.metadata, metadata.span.bytes)
        guard let state else { return }
        var bytes = LogBytes()
        bytes.append(state)
        bytes.withSpan { encoder.append(.state, $0) }
    }

    /// Gives up the segments that hold only entries before `index`, in the background.
    package mutating func release(below index: LogIndex) throws(StorageError) {
        try stopIfFailed()
        let kept = segments.indices.dropLast().first { segments[$0 + 1].firstIndex > index } ?? segments.count - 1
        guard kept > 0 else { return }
        let paths = segments[..<kept].map { "\(folder)/\($0)" }
        segments.removeFirst(kept)
        try source.remove(paths)
    }

    /// Sets the last barrier, so that damage to the last write is known from a torn one, and lets the folder go.
    package mutating func close() throws(StorageError) {
        defer {
            source.close()
            file.close()
            lock.unlock()
            failure = failure ?? StorageError(.stopped, "the log was closed")
        }
        guard failure == nil, needsBarrier else { return }
        encoder.removeAll()
        encoder.appendBarrier(at: offset)
        try write()
    }
}
