// SPDX-License-Identifier: Apache-2.0

import MartletKeyValue

/// A request that was denied, as an audit's line tells of it. It never holds a password, a token or a value.
public struct AuditRecord: Hashable, Sendable {
    public enum Wire: String, Hashable, Sendable {
        case etcd, redis
    }

    /// Who was known to ask; `nil`: nobody showed who they are, or what they showed is wrong.
    public var user: [UInt8]?
    /// The name that a failed login gave.
    public var claimedUser: [UInt8]?
    /// Where the request came from, as the shell writes addresses; empty where that isn't known.
    public var peer: String
    public var wire: Wire
    /// A gRPC method, or a command in small letters.
    public var request: String
    /// What it was about, where one thing can be named; as clients sent it.
    public var key: [UInt8]?
    /// Why, in few words.
    public var reason: String

    public init(
        user: [UInt8]?, claimedUser: [UInt8]? = nil, peer: String, wire: Wire, request: String, key: [UInt8]? = nil,
        reason: String
    ) {
        self.user = user
        self.claimedUser = claimedUser
        self.peer = peer
        self.wire = wire
        self.request = request
        self.key = key
        self.reason = reason
    }

    /// Bytes that a line shows of a name or key, so that one line is short whatever a client sends.
    public static let shownBytes = 128

    /// Names and values of the line, in a fixed order, each on one line whatever clients sent.
    public var fields: [(name: String, value: String)] {
        var fields = [
            ("user", user.map { Self.shown($0) } ?? ""), ("peer", peer), ("protocol", wire.rawValue),
            ("request", Self.shown(Array(request.utf8))),
        ]
        if let claimedUser { fields.append(("login", Self.shown(claimedUser))) }
        if let key { fields.append(("key", Self.shown(key))) }
        fields.append(("reason", reason))
        return fields
    }

    /// Printable ASCII as it is, all else as `\xNN`, and dots where something is cut off.
    public static func shown(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for byte in bytes.prefix(shownBytes) {
            if 32...126 ~= byte, byte != UInt8(ascii: "\\"), byte != UInt8(ascii: "\"") {
                text.append(byte)
            } else {
                text += Array("\\x".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        if bytes.count > shownBytes { text += Array("...".utf8) }
        return String(decoding: text, as: UTF8.self)
    }

    private static let digits = Array("0123456789abcdef".utf8)
}

extension AuditRecord {
    /// What of a refused access an audit names: the key, or where a range begins.
    public static func key(of access: KeyAccess?) -> [UInt8]? {
        switch access {
        case .read(let interval), .write(let interval): interval.lower
        case .attach, nil: nil
        }
    }
}

extension AuthError {
    /// Whether a request was denied for who asks. Credentials of an older revision are not denied: their clients log in
    /// again by themselves, all of them with each change of users. What else can be wrong with a request about users is
    /// no denial either.
    public var isDenial: Bool {
        switch self {
        case .permissionDenied, .userNameEmpty, .invalidToken, .authenticationFailed, .noPasswordUser: true
        case .rootUserMissing, .rootRoleMissing, .userExists, .userNotFound, .roleExists, .roleNotFound,
            .roleNameEmpty, .permissionNotGiven, .roleNotGranted, .permissionNotGranted, .authNotEnabled, .oldRevision,
            .invalidManagement:
            false
        }
    }
}
