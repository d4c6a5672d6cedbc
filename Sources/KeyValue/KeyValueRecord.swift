// SPDX-License-Identifier: Apache-2.0

package import MartletBasics

/// One version of one key. Copies share the bytes of key and value.
package struct KeyValueRecord: Hashable, Sendable {
    package var key: [UInt8]
    /// Main revision of the put that began the key's present life.
    package var createRevision: Int64
    /// Main revision of the put that wrote this version.
    package var modRevision: Int64
    /// Counts the puts since the key's creation, from 1. Zero in a tombstone.
    package var version: Int64
    package var value: [UInt8]
    /// The lease the key is attached to, or `LeaseID.none`.
    package var lease: LeaseID

    package init(
        key: [UInt8],
        createRevision: Int64,
        modRevision: Int64,
        version: Int64,
        value: [UInt8],
        lease: LeaseID = .none
    ) {
        self.key = key
        self.createRevision = createRevision
        self.modRevision = modRevision
        self.version = version
        self.value = value
        self.lease = lease
    }

    /// What a DELETE event carries: the key and the tombstone's revision, nothing else.
    package static func tombstone(key: [UInt8], modRevision: Int64) -> KeyValueRecord {
        KeyValueRecord(key: key, createRevision: 0, modRevision: modRevision, version: 0, value: [])
    }
}
