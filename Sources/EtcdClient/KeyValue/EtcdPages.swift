// SPDX-License-Identifier: Apache-2.0

/// The keys of a range, some at a time, in the order of the keys, all as they were at one revision.
///
/// It ends with ``EtcdError/Code/compacted`` when that revision is compacted away before the last page is read.
public struct EtcdPages: AsyncSequence, Sendable {
    public typealias Element = EtcdGetResult

    let client: EtcdClient
    let keys: EtcdKeyRange
    let options: EtcdGetOptions

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(client: self.client, rest: self.keys, options: self.options)
    }

    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let client: EtcdClient
        /// What hasn't been read; `nil` behind the last page.
        fileprivate var rest: EtcdKeyRange?
        fileprivate var options: EtcdGetOptions

        fileprivate init(client: EtcdClient, rest: EtcdKeyRange, options: EtcdGetOptions) {
            self.client = client
            self.rest = rest
            self.options = options
        }

        public mutating func next() async throws -> EtcdGetResult? {
            guard let rest = self.rest else { return nil }
            let options = self.options
            let page = try await self.client.get(rest) { $0 = options }
            if self.options.revision == 0 { self.options.revision = page.revision }
            if page.hasMore, let last = page.keyValues.last {
                // The least key behind another is that key with a zero byte.
                self.rest = .range(from: last.key + [0], to: rest.end)
            } else {
                self.rest = nil
            }
            return page
        }
    }
}

extension EtcdClient {
    /// How many keys a page has, unless told otherwise: with values of some kilobytes still a small message.
    public static let defaultPageKeys: Int64 = 1000

    /// Reads a range that may be large in pages.
    ///
    /// - Parameters:
    ///   - keys: Which keys.
    ///   - limit: The most keys of a page, at least one.
    ///   - revision: The revision to read at; 0 for the newest when the first page is read.
    ///   - isKeysOnly: Whether to leave out the values.
    public func pages(
        of keys: EtcdKeyRange, limit: Int64 = EtcdClient.defaultPageKeys, revision: Int64 = 0,
        isKeysOnly: Bool = false
    ) -> EtcdPages {
        var options = EtcdGetOptions()
        options.limit = max(limit, 1)
        options.revision = revision
        options.isKeysOnly = isKeysOnly
        return EtcdPages(client: self, keys: keys, options: options)
    }
}
