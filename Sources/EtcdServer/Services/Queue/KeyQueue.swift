// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletKeyValue

/// The keys under a name that stand in line, oldest first: what locks and elections are made of.
///
/// A member of the queue is the key `name/` followed by its lease's id in hexadecimal; the least create revision is
/// first. Each waits only for the key right before it, so that a departure wakes one.
/// Source: etcd's concurrency recipes.
struct KeyQueue {
    let prefix: [UInt8]

    init(name: [UInt8]) {
        prefix = name + [UInt8(ascii: "/")]
    }

    func key(of lease: LeaseID) -> [UInt8] {
        prefix + Array(String(lease.rawValue, radix: 16).utf8)
    }

    /// The first in line.
    func head(in store: KeyValueStore) throws(KeyValueError) -> KeyValueRecord? {
        var request = RangeRequest(key: prefix, rangeEnd: end)
        request.sortOrder = .ascend
        request.sortTarget = .createRevision
        request.limit = 1
        return try store.range(request).records.first
    }

    /// Who stands right before the key that was created at `revision`.
    func predecessor(of revision: Int64, in store: KeyValueStore) throws(KeyValueError) -> KeyValueRecord? {
        var request = RangeRequest(key: prefix, rangeEnd: end)
        request.sortOrder = .descend
        request.sortTarget = .createRevision
        request.maxCreateRevision = revision - 1
        request.limit = 1
        return try store.range(request).records.first
    }

    /// All keys of the queue, for a watch.
    var watchRequest: WatchRequest { WatchRequest(key: prefix, rangeEnd: end) }

    /// Looking at the whole queue, as all that stand in it do.
    var reading: WatchAccess { WatchAccess(watchRequest.interval) }

    /// Where the queue's keys end. The prefix ends in a slash, so that there always is a key behind.
    private var end: [UInt8] { KeyPrefix.end(of: prefix) ?? [0] }
}
