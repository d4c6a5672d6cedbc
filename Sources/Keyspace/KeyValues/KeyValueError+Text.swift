// SPDX-License-Identifier: Apache-2.0

import MartletKeyValue

extension CommandError {
    /// For a process that holds Redis's databases alone.
    static let noKeyValueStore = CommandError.text("ERR this server has no key-value store")

    /// What the key-value store refuses, in etcd's words.
    static func keys(_ error: KeyValueError) -> CommandError { .text(error.commandText) }
}

extension KeyValueError {
    /// Source: etcd api/v3rpc/rpctypes.
    var commandText: StaticString {
        switch self {
        case .keyNotProvided: "ERR etcdserver: key is not provided"
        case .keyNotFound: "ERR etcdserver: key not found"
        case .valueProvided: "ERR etcdserver: value is provided"
        case .leaseProvided: "ERR etcdserver: lease is provided"
        case .tooManyOperations: "ERR etcdserver: too many operations in txn request"
        case .duplicateKey: "ERR etcdserver: duplicate key given in txn request"
        case .invalidSortOption: "ERR etcdserver: invalid sort option"
        case .compacted: "ERR etcdserver: mvcc: required revision has been compacted"
        case .futureRevision: "ERR etcdserver: mvcc: required revision is a future revision"
        case .databaseSpaceExceeded: "ERR etcdserver: mvcc: database space exceeded"
        case .requestTooLarge: "ERR etcdserver: request is too large"
        case .tooManyRequests: "ERR etcdserver: too many requests"
        case .leaseNotFound: "ERR etcdserver: requested lease not found"
        case .leaseExists: "ERR etcdserver: lease already exists"
        case .leaseTTLTooLarge: "ERR etcdserver: too large lease TTL"
        case .duplicateWatchID, .emptyWatchRange, .watchStreamClosed: "ERR etcdserver: watch canceled"
        }
    }
}
