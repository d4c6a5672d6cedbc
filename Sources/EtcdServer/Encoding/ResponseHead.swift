// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// The header of a member's responses as bytes: field 1 of each, a message {cluster = 1, member = 2, revision = 3,
/// term = 4}.
struct ResponseHead: Sendable {
    /// Whose it is never changes.
    private let ids: [UInt8]

    init(_ identity: MemberIdentity) {
        var ids: [UInt8] = []
        ids.append(field: 1, number: identity.clusterID)
        ids.append(field: 2, number: identity.memberID)
        self.ids = ids
    }

    private static let field: UInt64 = 1

    /// Bytes of the whole field.
    func size(revision: Int64, term: UInt64) -> Int {
        ProtobufSize.choice(byteCount: contentSize(revision, term))
    }

    private func contentSize(_ revision: Int64, _ term: UInt64) -> Int {
        ids.count + ProtobufSize.field(revision) + ProtobufSize.field(term)
    }

    func append(revision: Int64, term: UInt64, to bytes: inout [UInt8]) {
        bytes.append(tag: Self.field, 2)
        Varint.append(UInt64(contentSize(revision, term)), to: &bytes)
        bytes.append(contentsOf: ids)
        bytes.append(field: 3, signed: revision)
        bytes.append(field: 4, number: term)
    }

    /// The header inside a transaction's response: the revision only, or nothing at all.
    static func append(inner revision: Int64, to bytes: inout [UInt8]) {
        bytes.append(tag: field, 2)
        Varint.append(UInt64(ProtobufSize.field(revision)), to: &bytes)
        bytes.append(field: 3, signed: revision)
    }
}
