// SPDX-License-Identifier: Apache-2.0

import MartletBasics
package import MartletRaft

/// What the log says of the cluster itself, at one index.
package struct ClusterState: Hashable, Sendable {
    package struct Member: Hashable, Sendable {
        package var id: MemberID
        package var isLearner = false
        /// As the entry that brought the member had it.
        package var context: [UInt8] = []
        /// `nil` until the member has published itself.
        package var attributes: MemberAttributes?
    }

    /// Ascending.
    package private(set) var members: [Member] = []
    /// Empty until it was set.
    package internal(set) var version = ""
    /// The highest stamp of the entries applied.
    package internal(set) var stamp: UInt64 = 0

    package init() {}

    package func member(_ id: MemberID) -> Member? { members.first { $0.id == id } }

    package var configuration: Configuration {
        Configuration(
            voters: members.filter { !$0.isLearner }.map(\.id), learners: members.filter(\.isLearner).map(\.id))
    }

    mutating func apply(_ change: MemberChange) {
        let place = members.firstIndex { $0.id >= change.member } ?? members.count
        let isKnown = place < members.count && members[place].id == change.member
        switch change.kind {
        case .addVoter, .addLearner:
            if !isKnown { members.insert(Member(id: change.member), at: place) }
            members[place].isLearner = change.kind == .addLearner
            if !change.context.isEmpty { members[place].context = change.context }
        case .remove:
            if isKnown, members.count > 1 { members.remove(at: place) }
        case .update:
            if isKnown { members[place].context = change.context }
        }
    }

    /// Without effect where the member is unknown: it may be removed by now.
    mutating func apply(_ attributes: MemberAttributes) {
        guard let place = members.firstIndex(where: { $0.id.rawValue == attributes.member }) else { return }
        members[place].attributes = attributes
    }

    // MARK: Checkpoint

    /// All in one record: lists are a count and their elements, texts and bytes a count and their bytes.
    static let key = TableKey(TableID(5), object: 0)
    private static let format: UInt64 = 1

    func encode(into bytes: inout [UInt8]) {
        Varint.append(Self.format, to: &bytes)
        Varint.append(stamp, to: &bytes)
        Self.append(Array(version.utf8), to: &bytes)
        Varint.append(UInt64(members.count), to: &bytes)
        for member in members {
            Varint.append(member.id.rawValue, to: &bytes)
            bytes.append(member.isLearner ? 1 : 0)
            Self.append(member.context, to: &bytes)
            bytes.append(member.attributes == nil ? 0 : 1)
            guard let attributes = member.attributes else { continue }
            Self.append(Array(attributes.name.utf8), to: &bytes)
            Varint.append(UInt64(attributes.clientURLs.count), to: &bytes)
            for url in attributes.clientURLs { Self.append(Array(url.utf8), to: &bytes) }
        }
    }

    private static func append(_ part: [UInt8], to bytes: inout [UInt8]) {
        Varint.append(UInt64(part.count), to: &bytes)
        bytes += part
    }

    /// `nil` if the bytes are not in this form.
    init?(decoding bytes: RawSpan) {
        var offset = 0
        func number() -> UInt64? { Varint.read(bytes, at: &offset) }
        func part() -> [UInt8]? {
            guard let count = number(), count <= UInt64(bytes.byteCount - offset) else { return nil }
            defer { offset += Int(count) }
            return [UInt8](copying: bytes.extracting(offset..<offset + Int(count)))
        }
        func text() -> String? { part().flatMap { String(validating: $0, as: UTF8.self) } }

        guard number() == Self.format, let stamp = number(), let version = text(), let count = number() else {
            return nil
        }
        self.stamp = stamp
        self.version = version
        // A member takes more than a byte, so the loop ends with the bytes whatever the count says.
        for _ in 0..<count {
            guard let id = number(), let isLearner = number(), let context = part(), let isPublished = number() else {
                return nil
            }
            var member = Member(id: MemberID(id), isLearner: isLearner != 0, context: context)
            if isPublished != 0 {
                guard let name = text(), let urlCount = number() else { return nil }
                var attributes = MemberAttributes(member: id, name: name, clientURLs: [])
                for _ in 0..<urlCount {
                    guard let url = text() else { return nil }
                    attributes.clientURLs.append(url)
                }
                member.attributes = attributes
            }
            members.append(member)
        }
        guard offset == bytes.byteCount else { return nil }
    }
}
