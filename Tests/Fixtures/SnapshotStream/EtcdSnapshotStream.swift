// SPDX-License-Identifier: Apache-2.0

package import MartletEtcdSnapshot

/// A snapshot as chunks to send: pulls revisions and leases as it needs them.
///
/// Memory is one chunk, one branch of a tree and the largest entry; the whole takes O(its bytes). Every chunk has
/// `chunkByteCount` bytes but the file's last one, which may be shorter; then comes the SHA-256 alone, as etcd sends
/// it.
package struct EtcdSnapshotStream<Revisions: IteratorProtocol, Leases: IteratorProtocol>
where Revisions.Element == BackendRevision, Leases.Element == BackendLease {
    private enum Stage {
        case revisions, leases, rest, trailer, end
    }

    private var writer: EtcdSnapshotWriter
    private var revisions: Revisions
    private var leases: Leases
    private var stage = Stage.revisions
    private let chunkByteCount: Int
    private var buffer: [UInt8] = []
    private var start = 0

    /// Bytes of the file that are still to come after the chunk given last; the trailer is not counted.
    package private(set) var remainingByteCount: UInt64

    /// Both sequences are those that the plan was made of.
    package init(
        _ layout: EtcdSnapshotLayout, revisions: Revisions, leases: Leases,
        chunkByteCount: Int = etcdSnapshotChunkByteCount
    ) throws(EtcdSnapshotError) {
        precondition(chunkByteCount > 0, "a chunk of \(chunkByteCount) bytes")
        writer = try EtcdSnapshotWriter(layout)
        self.revisions = revisions
        self.leases = leases
        self.chunkByteCount = chunkByteCount
        remainingByteCount = layout.fileByteCount
    }

    /// The next chunk, or nil after the trailer. After an error the snapshot is worthless, and nothing more comes.
    package mutating func next() throws(EtcdSnapshotError) -> [UInt8]? {
        do {
            try fill()
        } catch {
            stage = .end
            buffer = []
            start = 0
            throw error
        }
        if start < buffer.count {
            let end = min(start + chunkByteCount, buffer.count)
            let chunk = Array(buffer[start..<end])
            start = end
            remainingByteCount -= UInt64(chunk.count)
            return chunk
        }
        guard stage == .trailer else { return nil }
        stage = .end
        return writer.makeTrailer()
    }

    /// Has a whole chunk in the buffer, or all that is left of the file.
    private mutating func fill() throws(EtcdSnapshotError) {
        let count = buffer.count - start
        guard count < chunkByteCount, !isFileEnded else { return }
        while count + writer.outputCount < chunkByteCount, !isFileEnded {
            try step()
        }
        buffer.removeFirst(start)
        start = 0
        buffer.append(contentsOf: writer.takeOutput())
    }

    private var isFileEnded: Bool { stage == .trailer || stage == .end }

    private mutating func step() throws(EtcdSnapshotError) {
        switch stage {
        case .revisions:
            if let revision = revisions.next() { try writer.add(revision) } else { stage = .leases }
        case .leases:
            if let lease = leases.next() { try writer.add(lease) } else { stage = .rest }
        case .rest:
            try writer.finish()
            stage = .trailer
        case .trailer, .end:
            break  // Nothing follows.
        }
    }
}

extension EtcdSnapshotStream: Sendable where Revisions: Sendable, Leases: Sendable {}
