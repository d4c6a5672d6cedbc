// SPDX-License-Identifier: Apache-2.0

public import MartletRaft

/// What stands beside a change of the members: JSON {id, peerURLs, isLearner, name, clientURLs, isPromote}, all but the
/// first two only where they say something, as Go writes it.
///
/// Source: etcd membership `ConfigChangeContext`, `Member`.
public struct MemberContext: Hashable, Sendable {
    public var member: MemberID
    public var peerURLs: [String]
    public var name: String
    public var isLearner: Bool
    /// The change only makes a learner a voter. `nil`: not said, as etcd does in all other changes.
    public var isPromotion: Bool?

    public init(
        member: MemberID, peerURLs: [String] = [], name: String = "", isLearner: Bool = false,
        isPromotion: Bool? = nil
    ) {
        self.member = member
        self.peerURLs = peerURLs
        self.name = name
        self.isLearner = isLearner
        self.isPromotion = isPromotion
    }

    public func encoded() -> [UInt8] {
        var json = "{\"id\":\(member.rawValue),\"peerURLs\":"
        if peerURLs.isEmpty, isPromotion == true {
            json += "null"
        } else {
            json += "["
            for (place, url) in peerURLs.enumerated() {
                if place > 0 { json += "," }
                Self.append(url, to: &json)
            }
            json += "]"
        }
        if isLearner { json += ",\"isLearner\":true" }
        if !name.isEmpty {
            json += ",\"name\":"
            Self.append(name, to: &json)
        }
        if let isPromotion { json += ",\"isPromote\":\(isPromotion)" }
        json += "}"
        return Array(json.utf8)
    }

    private static func append(_ text: String, to json: inout String) {
        json += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": json += "\\\""
            case "\\": json += "\\\\"
            case "\n": json += "\\n"
            case "\r": json += "\\r"
            case "\t": json += "\\t"
            // Go also hides what has a meaning in HTML, and the line ends of JavaScript.
            case "<", ">", "&", "\u{2028}", "\u{2029}", "\u{0}"..."\u{1F}":
                let digits = String(scalar.value, radix: 16)
                json += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            default: json.unicodeScalars.append(scalar)
            }
        }
        json += "\""
    }

    /// Members that the object does not know are skipped; nothing at all is a context without anything.
    public init(_ bytes: [UInt8], of member: MemberID) throws(RecordError) {
        self.init(member: member)
        if bytes.isEmpty { return }
        var json = JSONReader(bytes)
        try json.readObject { (key, json) throws(RecordError) in
            switch key {
            case "peerURLs": peerURLs = try json.texts()
            case "name": name = try json.text()
            case "isLearner": isLearner = try json.flag()
            case "isPromote": isPromotion = try json.flag()
            default: try json.skipValue()
            }
        }
        try json.finish()
    }
}
