// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft

/// All in one record: lists are a count and their elements, texts a count and their bytes. Numbers are varints.
///
///     format      5 while a member is replaced, else 4; 3 has no versions and record formats, 2 no removed members
///                 either
///     stamp
///     version
///     downgrade   enabled 0 or 1, target version
///     members     id, is learner 0 or 1, peer URLs, is published 0 or 1; if published name, client URLs, version and
///                 record format
///     alarms      kind, member
///     removed     id
///     replacement old and new id; in format 5
extension ClusterState {
    static let key = TableKey(TableID(5), object: 0)
    private static let format: UInt64 = 4
    /// Only where there is one: whoever has it in its log reads it.
    private static let replacementFormat: UInt64 = 5
    private static let leastFormat: UInt64 = 2

    func encode(into bytes: inout [UInt8]) {
        Varint.append(replacement == nil ? Self.format : Self.replacementFormat, to: &bytes)
        Varint.append(stamp, to: &bytes)
        Self.append(version, to: &bytes)
        bytes.append(downgrade.isEnabled ? 1 : 0)
        Self.append(downgrade.targetVersion, to: &bytes)
        Varint.append(UInt64(members.count), to: &bytes)
        for member in members {
            Varint.append(member.id.rawValue, to: &bytes)
            bytes.append(member.isLearner ? 1 : 0)
            Self.append(member.peerURLs, to: &bytes)
            bytes.append(member.attributes == nil ? 0 : 1)
            guard let attributes = member.attributes else { continue }
            Self.append(attributes.name, to: &bytes)
            Self.append(attributes.clientURLs, to: &bytes)
            Self.append(attributes.version, to: &bytes)
            Varint.append(attributes.recordFormat, to: &bytes)
        }
        Varint.append(UInt64(alarms.all.count), to: &bytes)
        for alarm in alarms.all {
            Varint.append(UInt64(UInt32(bitPattern: alarm.kind.rawValue)), to: &bytes)
            Varint.append(alarm.member.rawValue, to: &bytes)
        }
        Varint.append(UInt64(removed.count), to: &bytes)
        for member in removed { Varint.append(member.rawValue, to: &bytes) }
        guard let replacement else { return }
        Varint.append(replacement.old.rawValue, to: &bytes)
        Varint.append(replacement.new.rawValue, to: &bytes)
    }

    private static func append(_ text: String, to bytes: inout [UInt8]) {
        Varint.append(UInt64(text.utf8.count), to: &bytes)
        bytes += text.utf8
    }

    private static func append(_ texts: [String], to bytes: inout [UInt8]) {
        Varint.append(UInt64(texts.count), to: &bytes)
        for text in texts { append(text, to: &bytes) }
    }

    /// `nil` if the bytes are not in this form.
    init?(decoding bytes: RawSpan) {
        self.init()
        var offset = 0
        func number() -> UInt64? { Varint.read(bytes, at: &offset) }
        func text() -> String? {
            guard let count = number(), count <= UInt64(bytes.byteCount - offset) else { return nil }
            defer { offset += Int(count) }
            let part = [UInt8](copying: bytes.extracting(offset..<offset + Int(count)))
            return String(validating: part, as: UTF8.self)
        }
        // Whatever a count says, each element takes a byte or more: loops end with the bytes.
        func texts() -> [String]? {
            guard let count = number() else { return nil }
            var texts: [String] = []
            for _ in 0..<count {
                guard let text = text() else { return nil }
                texts.append(text)
            }
            return texts
        }

        guard let format = number(), Self.leastFormat...Self.replacementFormat ~= format, let stamp = number(),
            let version = text(), let isDowngrading = number(), let target = text(), let memberCount = number()
        else { return nil }
        self.stamp = stamp
        self.version = version
        downgrade = DowngradeInfo(isEnabled: isDowngrading != 0, targetVersion: target)
        for _ in 0..<memberCount {
            guard let id = number(), let isLearner = number(), let peerURLs = texts(), let isPublished = number() else {
                return nil
            }
            // Members are found by their order.
            if let last = members.last, last.id >= MemberID(id) { return nil }
            var member = Member(id: MemberID(id), isLearner: isLearner != 0, peerURLs: peerURLs)
            if isPublished != 0 {
                guard let name = text(), let clientURLs = texts() else { return nil }
                var attributes = MemberAttributes(member: id, name: name, clientURLs: clientURLs)
                if format >= 4 {
                    guard let version = text(), let recordFormat = number() else { return nil }
                    (attributes.version, attributes.recordFormat) = (version, recordFormat)
                }
                member.attributes = attributes
            }
            members.append(member)
        }
        noteReaders()
        guard let alarmCount = number() else { return nil }
        for _ in 0..<alarmCount {
            guard let kind = number(), let kind = UInt32(exactly: kind), let member = number() else { return nil }
            alarms.insert(Alarm(.init(rawValue: Int32(bitPattern: kind)), of: MemberID(member)))
        }
        if format >= 3 {
            guard let removedCount = number() else { return nil }
            for _ in 0..<removedCount {
                guard let member = number() else { return nil }
                removed.append(MemberID(member))
            }
        }
        if format == Self.replacementFormat {
            guard let old = number(), let new = number() else { return nil }
            replacement = Replacement(old: MemberID(old), new: MemberID(new))
            // Both vote.
            guard old != new, configuration.isJoint, configuration.isVoter(MemberID(old)),
                configuration.isVoter(MemberID(new))
            else { return nil }
        }
        guard offset == bytes.byteCount else { return nil }
    }
}
