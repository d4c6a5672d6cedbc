// SPDX-License-Identifier: Apache-2.0

/// A file full of zeroes on disk, which is to become a segment.
package struct PreparedSegment: Sendable {
    package var file: any LogFile
    /// Its name still ends with `.tmp`.
    package var path: String

    package init(file: any LogFile, path: String) {
        self.file = file
        self.path = path
    }
}

/// Where the log gets the file for its next segment.
package protocol SegmentSource: Sendable {
    /// Blocks until there is one. Called once for each segment.
    func next() throws(StorageError) -> PreparedSegment

    /// Removes these files when there is time; they stand in order, and vanish from disk in that order.
    func remove(_ paths: [String]) throws(StorageError)

    func close()
}

/// Makes each file when it is asked for, on the caller's thread: for simulations, whose every step has its place.
package struct InlineSegmentSource: SegmentSource {
    private let maker: SegmentMaker

    package init(_ files: any LogFileSystem, folder: String, _ configuration: LogConfiguration) {
        maker = SegmentMaker(files: files, folder: folder, configuration: configuration)
    }

    package func next() throws(StorageError) -> PreparedSegment {
        try maker.make(number: 0) { true }
    }

    package func remove(_ paths: [String]) throws(StorageError) {
        try maker.remove(paths)
    }

    package func close() {}
}

/// Writes files full of zeroes, and removes segments.
struct SegmentMaker: Sendable {
    var files: any LogFileSystem
    var folder: String
    var configuration: LogConfiguration

    /// `%d.tmp`, as etcd names them.
    ///
    /// Written and not only reserved: the first write to a reserved block changes the file's map, which a sync of the
    /// log would then have to put on disk too. `goOn` is asked after each piece.
    ///
    /// - Parameter bytes: what the file takes; nil: as much as the configuration says.
    func make(number: Int, bytes: Int? = nil, goOn: () -> Bool) throws(StorageError) -> PreparedSegment {
        let path = "\(folder)/\(number).tmp"
        let bytes = bytes ?? configuration.segmentBytes
        let file = try files.create(path)
        do throws(StorageError) {
            try file.preallocate(bytes)
            let zeroes = [UInt8](repeating: 0, count: min(configuration.zeroBytes, bytes))
            var written = 0
            while written < bytes {
                let size = min(zeroes.count, bytes - written)
                try file.write(zeroes.span.bytes.extracting(0..<size), at: written)
                try file.sync()
                written += size
                if !goOn() { throw StorageError(.stopped, "the log was closed") }
            }
            return PreparedSegment(file: file, path: path)
        } catch {
            // What it takes on a full disk is given back; the error that counts is the first.
            file.close()
            try? files.remove(path)
            throw error
        }
    }

    /// One after the other on disk too: a hole between segments would look like a lost one.
    func remove(_ paths: [String]) throws(StorageError) {
        for path in paths {
            try files.remove(path)
            try files.syncFolder(folder)
        }
    }
}
