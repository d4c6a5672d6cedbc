// SPDX-License-Identifier: Apache-2.0

internal import MartletEtcdAPI

extension EtcdClient {
    /// Reads a range of any size by one request: all keys as they were at one revision, in their order, while neither
    /// side holds more than some of them.
    ///
    /// The server sends on while `body` works, until the stream's window is full. A server that is too old for this
    /// (etcd before 3.7) is asked for pages of ``defaultPageKeys`` instead; then compaction may get ahead of the reader
    /// and end it with ``EtcdError/Code/compacted``.
    ///
    /// Source: etcd 3.7, KV.RangeStream.
    ///
    /// - Parameters:
    ///   - keys: Which keys.
    ///   - revision: The revision to read at; 0 for the newest.
    ///   - isKeysOnly: Whether to leave out the values.
    ///   - body: Takes what has come, at least one key, behind what it got before.
    /// - Returns: The revision that was read.
    /// - Throws: ``EtcdError`` when not all of it came; what `body` throws.
    @discardableResult
    public func read(
        _ keys: EtcdKeyRange, revision: Int64 = 0, isKeysOnly: Bool = false,
        _ body: ([EtcdKeyValue]) async throws -> Void
    ) async throws -> Int64 {
        var options = EtcdGetOptions()
        options.revision = revision
        options.isKeysOnly = isKeysOnly
        let (parts, first): (PartStream, Etcdserverpb_RangeStreamResponse?)
        do {
            (parts, first) = try await self.beginRange(EtcdOperation.range(keys, options))
        } catch let error as EtcdError where error.code == .notSupported {
            return try await self.readPages(of: keys, revision: revision, isKeysOnly: isKeysOnly, body)
        }
        defer { parts.cancel() }
        var next = first
        var count = 0
        var last = Etcdserverpb_RangeResponse()
        while let part = next {
            last = part.rangeResponse
            count += last.kvs.count
            if !last.kvs.isEmpty { try await body(last.kvs.map { EtcdKeyValue($0) }) }
            next = try await parts.next()
        }
        // Only the last part has a header and says how many keys there are.
        guard last.hasHeader, last.count == count else {
            throw EtcdError(.unavailable, "the range ended before it was complete")
        }
        return revision == 0 ? last.header.revision : revision
    }

    private func beginRange(
        _ request: Etcdserverpb_RangeRequest
    ) async throws -> (PartStream, Etcdserverpb_RangeStreamResponse?) {
        let parts = try await PartStream(
            "/etcdserverpb.KV/RangeStream", request, needsLeader: true, client: self)
        do {
            return (parts, try await parts.next())
        } catch {
            parts.cancel()
            throw error
        }
    }

    private func readPages(
        of keys: EtcdKeyRange, revision: Int64, isKeysOnly: Bool, _ body: ([EtcdKeyValue]) async throws -> Void
    ) async throws -> Int64 {
        var read = revision
        for try await page in self.pages(of: keys, revision: revision, isKeysOnly: isKeysOnly) {
            if read == 0 { read = page.revision }
            if !page.keyValues.isEmpty { try await body(page.keyValues) }
        }
        return read
    }
}
