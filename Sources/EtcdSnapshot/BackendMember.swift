// SPDX-License-Identifier: Apache-2.0

import MartletJSON

/// One entry of the bucket `members`. Restoring replaces them all.
package struct BackendMember: Hashable, Sendable {
    package var id: UInt64
    /// Empty until the member has published it.
    package var name: String
    package var peerURLs: [String]
    package var clientURLs: [String]
    package var isLearner: Bool

    package init(id: UInt64, name: String, peerURLs: [String], clientURLs: [String], isLearner: Bool = false) {
        self.id = id
        self.name = name
        self.peerURLs = peerURLs
        self.clientURLs = clientURLs
        self.isLearner = isLearner
    }

    static func bucketKey(_ id: UInt64) -> [UInt8] { Array(String(id, radix: 16).utf8) }

    /// Nil if the bytes are no hexadecimal number of 64 bits.
    static func id(of key: [UInt8]) -> UInt64? {
        UInt64(String(decoding: key, as: UTF8.self), radix: 16)
    }

    var bucketValue: [UInt8] {
        var members: [(name: String, value: JSONValue)] = [
            ("id", .number(String(id))), ("peerURLs", .array(peerURLs.map(JSONValue.string))),
        ]
        if isLearner { members.append(("isLearner", .bool(true))) }
        if !name.isEmpty { members.append(("name", .string(name))) }
        if !clientURLs.isEmpty { members.append(("clientURLs", .array(clientURLs.map(JSONValue.string)))) }
        return Array(JSONValue.object(members).text.utf8)
    }

    init(_ entry: BucketEntry) throws(EtcdSnapshotError) {
        guard let id = Self.id(of: entry.key), let json = JSONParser.parse(entry.value), json["id"]?.unsigned == id,
            let peerURLs = Self.strings(json["peerURLs"]), let clientURLs = Self.strings(json["clientURLs"])
        else {
            let key = String(decoding: entry.key, as: UTF8.self)
            throw EtcdSnapshotError(.damaged, "bucket members: the entry \(key) describes no member")
        }
        self.init(
            id: id, name: json["name"]?.string ?? "", peerURLs: peerURLs, clientURLs: clientURLs,
            isLearner: json["isLearner"]?.bool ?? false)
    }

    private static func strings(_ json: JSONValue?) -> [String]? {
        guard let json else { return [] }
        guard let values = json.array else { return nil }
        let strings = values.compactMap(\.string)
        return strings.count == values.count ? strings : nil
    }
}

/// A downgrade that is under way, or was: the entry `downgrade` of the bucket `cluster`.
package struct BackendDowngrade: Hashable, Sendable {
    package var targetVersion: String
    package var isEnabled: Bool

    package init(targetVersion: String, isEnabled: Bool) {
        self.targetVersion = targetVersion
        self.isEnabled = isEnabled
    }

    var encoded: [UInt8] {
        let json = JSONValue.object([("target-version", .string(targetVersion)), ("enabled", .bool(isEnabled))])
        return Array(json.text.utf8)
    }

    init(_ bytes: [UInt8]) throws(EtcdSnapshotError) {
        guard let json = JSONParser.parse(bytes), case .object = json else {
            throw EtcdSnapshotError(.damaged, "bucket cluster: downgrade is no JSON object")
        }
        targetVersion = json["target-version"]?.string ?? ""
        isEnabled = json["enabled"]?.bool ?? false
    }
}
