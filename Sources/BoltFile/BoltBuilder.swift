// SPDX-License-Identifier: Apache-2.0

/// The trees of a whole file, the same for the pass that counts and the pass that writes: the root bucket's, and that
/// of the bucket which is open.
struct BoltBuilder<Sink: BoltPageSink>: Sendable {
    var sink: Sink
    private var root = BoltTree<Sink.Piece>(pageSize: BoltFormat.pageSize)
    private var bucket = BoltTree<Sink.Piece>(pageSize: BoltFormat.pageSize)
    private var name: [UInt8]?
    private var namePiece: Sink.Piece?

    init(sink: Sink) {
        self.sink = sink
    }

    /// `piece` makes a piece out of bytes.
    mutating func beginBucket(
        name: [UInt8], piece: Sink.Piece, _ makePiece: ([UInt8]) -> Sink.Piece
    ) throws(BoltFileError) {
        guard !name.isEmpty, name.count <= BoltFormat.longestKey else {
            throw BoltFileError(.invalidEntry, "a bucket's name has \(name.count) bytes")
        }
        if let last = self.name, !last.lexicographicallyPrecedes(name) {
            throw BoltFileError(.invalidEntry, "a bucket's name is not above the one before it")
        }
        try endBucket(makePiece)
        self.name = name
        namePiece = piece
    }

    mutating func add(key: Sink.Piece, value: Sink.Piece) throws(BoltFileError) {
        guard key.count > 0, key.count <= BoltFormat.longestKey else {
            throw BoltFileError(.invalidEntry, "a key has \(key.count) bytes")
        }
        guard value.count <= BoltFormat.longestValue else {
            throw BoltFileError(.invalidEntry, "a value has \(value.count) bytes")
        }
        guard namePiece != nil else { throw BoltFileError(.invalidEntry, "an entry stands outside every bucket") }
        try bucket.add(LeafElement(isBucket: false, key: key, value: value), to: &sink)
    }

    /// The root page of the root bucket.
    mutating func finish(_ makePiece: ([UInt8]) -> Sink.Piece) throws(BoltFileError) -> UInt64 {
        try endBucket(makePiece)
        if let page = try root.finish(to: &sink) { return page }
        return try sink.write(leaf: [], size: BoltFormat.pageHeaderSize)
    }

    private mutating func endBucket(_ makePiece: ([UInt8]) -> Sink.Piece) throws(BoltFileError) {
        guard let key = namePiece else { return }
        namePiece = nil
        let page = try bucket.finish(to: &sink)
        bucket = BoltTree(pageSize: BoltFormat.pageSize)
        let value = makePiece(Self.bucketValue(rootPage: page))
        try root.add(LeafElement(isBucket: true, key: key, value: value), to: &sink)
    }

    /// An empty bucket is inline: its header and the header of a leaf without elements.
    private static func bucketValue(rootPage: UInt64?) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: rootPage ?? 0)
        bytes.append(littleEndian: UInt64(0))
        if rootPage == nil {
            bytes.append(littleEndian: UInt64(0))
            bytes.append(littleEndian: BoltFormat.leafKind)
            bytes.append(littleEndian: UInt16(0))
            bytes.append(littleEndian: UInt32(0))
        }
        return bytes
    }
}
