// SPDX-License-Identifier: Apache-2.0

import MartletBasics
package import MartletWALCodec

/// A log's folder, `member/wal`: makes it, opens it after whatever happened, or only reads it.
///
/// **Making** happens in a folder `….tmp` beside it, which gets its name when the first segment's head is on disk: a
/// folder of that name always holds a log. **Opening** takes the folder's lock, removes files that were being prepared,
/// reads all segments from the one that holds the wanted index, overwrites a torn tail with zeroes, and syncs the last
/// segment, so that what was read is also on disk.
package struct LogFolder: Sendable {
    package let files: any LogFileSystem
    package let path: String
    package let configuration: LogConfiguration

    package init(files: any LogFileSystem, path: String, configuration: LogConfiguration = LogConfiguration()) {
        self.files = files
        self.path = path
        self.configuration = configuration
    }

    package typealias MakeSource = (LogFolder) throws(StorageError) -> any SegmentSource

    /// Next segments are made when they are needed: for simulations.
    package static func inline(_ folder: LogFolder) throws(StorageError) -> any SegmentSource {
        InlineSegmentSource(folder.files, folder: folder.path, folder.configuration)
    }

    /// Next segments are made ahead on a thread, and old ones removed there. `onTrouble` is called on it when that
    /// fails, which a full disk does first: the log itself goes on as long as it can.
    package static func background(onTrouble: @escaping @Sendable (StorageError) -> Void) -> MakeSource {
        { folder throws(StorageError) in
            try BackgroundSegmentSource(
                folder.files, folder: folder.path, folder.configuration, onTrouble: onTrouble)
        }
    }

    package var exists: Bool {
        get throws(StorageError) { try files.exists(path) }
    }

    var parent: String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// A new log: checksum, metadata, and the snapshot of index 0. Its parent must exist, and be synced by its maker.
    ///
    /// - Throws: `.exists` if there is one.
    package func create(metadata: [UInt8], source: MakeSource) throws(StorageError) -> LogAppender {
        if try exists { throw StorageError(.exists, "\(path) exists") }
        let temporary = LogFolder(files: files, path: "\(path).tmp", configuration: configuration)
        if try temporary.exists { try files.removeFolder(temporary.path) }
        try files.createFolder(temporary.path)

        let name = WALSegmentName(sequence: 0, firstIndex: LogIndex(0))
        let maker = SegmentMaker(files: files, folder: temporary.path, configuration: configuration)
        let size = min(configuration.firstSegmentBytes ?? configuration.segmentBytes, configuration.segmentBytes)
        let file = try maker.make(number: 0, bytes: size) { true }
        var encoder = WALEncoder()
        LogAppender.encodeHead(into: &encoder, metadata: metadata, state: nil)
        var snapshot = LogBytes()
        snapshot.append(WALSnapshot(index: LogIndex(0), term: Term(0)))
        snapshot.withSpan { encoder.append(.snapshot, $0) }
        try encoder.bytes.withSpan { bytes throws(StorageError) in try file.file.write(bytes, at: 0) }
        try file.file.sync()
        try files.rename(file.path, to: "\(temporary.path)/\(name)")
        try files.syncFolder(temporary.path)
        try files.rename(temporary.path, to: path)
        try files.syncFolder(parent)

        let lock = try files.lock(folder: path)
        return LogAppender(
            files: files, folder: path, configuration: configuration, source: try source(self), lock: lock,
            metadata: metadata, segments: [name], file: file.file, size: size,
            offset: encoder.bytes.count, head: LogHead(), chain: encoder.chain)
    }
}

/// A log as it was found.
package struct OpenedLog: ~Copyable, Sendable {
    package var recovery: WALRecovery
    /// Set if the last write was torn.
    package var repair: LogRepair?
    package var appender: LogAppender

    /// The appender alone, for who has read the rest.
    package consuming func intoAppender() -> LogAppender { appender }
}

/// A torn tail, and what was done with it.
package struct LogRepair: Hashable, Sendable {
    package var segment: WALSegmentName
    /// Where the log was cut.
    package var offset: Int
    /// Bytes from there on that were not zero, gaps between them counted.
    package var lostBytes: Int
}
