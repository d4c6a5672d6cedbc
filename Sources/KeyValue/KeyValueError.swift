// SPDX-License-Identifier: Apache-2.0

/// Why the store refuses a request.
///
/// The cases name etcd's conditions; the shell that serves a wire maps each to that wire's code and text. A request
/// that throws has changed nothing.
/// Source: etcd api/v3rpc/rpctypes, the part that concerns keys, leases and watches.
public enum KeyValueError: Error, Hashable, Sendable, CaseIterable {
    /// A request, operation or compare has an empty key.
    case keyNotProvided
    /// `ignoreValue` or `ignoreLease` on a missing key, or a transaction holds an operation with no variant set.
    case keyNotFound
    /// `ignoreValue` together with a value.
    case valueProvided
    /// `ignoreLease` together with a lease.
    case leaseProvided
    /// A list of a transaction, counted with the lists around it, is longer than the limit.
    case tooManyOperations
    /// A transaction changes one key twice on a path that can run.
    case duplicateKey
    /// A sort order or sort target that the protocol does not name.
    case invalidSortOption
    /// The revision asked for lies below the compacted one.
    case compacted
    /// The revision asked for lies above the current one.
    case futureRevision
    /// The quota is used up. Raised by the shell, which knows sizes on disk.
    case databaseSpaceExceeded
    /// Raised by the shell: the encoded request is above its limit.
    case requestTooLarge
    /// A stream has as many watches as it may. Raised by the shell, too: too much waits to be applied.
    case tooManyRequests
    case leaseNotFound
    case leaseExists
    /// A TTL above `KeyValueStore.maximumLeaseTTLSeconds`.
    case leaseTTLTooLarge
    /// The explicit watch ID is in use on this stream.
    case duplicateWatchID
    /// The watched range holds no key: its end is not above its key.
    case emptyWatchRange
    /// A watch stream that was closed or never opened. A shell that sees it has a bug of its own.
    case watchStreamClosed
}
