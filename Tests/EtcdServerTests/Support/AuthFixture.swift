// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletAuthTokens
import MartletBasics
import MartletEtcdAPI
import MartletEtcdServer
import MartletGRPCWire
import MartletKeyValue
import MartletNode
import MartletReplica
import NIOEmbedded
import SwiftProtobuf
import Testing

/// A store with authentication on: `root`, and `alice`, who reads a to m, writes c to f, and reads and writes z.
///
/// Users are made by records, not through the service: that would hash passwords on threads, which a loop whose time
/// stands still does not wait for.
struct AuthFixture {
    let fixture = StoreFixture()
    let root: String
    let alice: String

    var store: MemberStore { fixture.store }
    var loop: EmbeddedEventLoop { fixture.loop }

    init() throws {
        for key in ["b", "c", "n", "z"] { try fixture.put(key, "value of \(key)") }
        try Self.change(
            fixture,
            [
                .userAdd(name: .root, hash: "", options: nil), .userGrantRole(user: .root, role: .root),
                .userAdd(name: "alice", hash: "", options: nil), .roleAdd(name: "r"),
                .roleGrantPermission(
                    name: "r", permission: AuthPermission(.read, key: bytes("a"), rangeEnd: bytes("m"))),
                .roleGrantPermission(
                    name: "r", permission: AuthPermission(.write, key: bytes("c"), rangeEnd: bytes("f"))),
                .roleGrantPermission(name: "r", permission: AuthPermission(.readWrite, key: bytes("z"))),
                .userGrantRole(user: "alice", role: "r"), .enable,
            ])
        root = try Self.logIn(fixture, .root)
        alice = try Self.logIn(fixture, "alice")
    }

    /// As if the password had been checked.
    static func logIn(_ fixture: StoreFixture, _ name: AuthName) throws -> String {
        try change(fixture, [.authenticate(name: name, simpleToken: "of-\(name)")])
        return "of-\(name).\(fixture.store.appliedIndex.rawValue)"
    }

    static func change(
        _ fixture: StoreFixture, _ requests: [AuthRequest], as identity: AuthIdentity = .anonymous
    ) throws {
        for request in requests {
            var result: Result<WriteResponse, ReplicaError>?
            fixture.store.propose(Write(.auth(request), identity: identity), reply: .handler { result = $0 })
            fixture.loop.run()
            _ = try #require(result).get()
        }
    }

    /// In the name of `root`.
    func change(_ request: AuthRequest) throws {
        try Self.change(fixture, [request], as: AuthIdentity(name: .root, revision: store.member.auth.revision))
    }

    /// How a unary call ends.
    func status(
        _ method: (any EtcdCall, [UInt8]) -> Void, _ request: some Message, _ token: String?
    ) throws -> Ending? {
        let call = RecordingCall(token: token)
        method(call, try request.serializedBytes())
        loop.run()
        return call.ending
    }

    /// What the only answer of a call that began with `request` is, and how the call ends.
    func stream(
        _ make: (any EtcdCall) -> any ServerCallEvents, _ request: some Message, _ token: String?
    ) throws -> RecordingCall {
        let call = RecordingCall(token: token)
        let events = make(call)
        events.received(try request.serializedBytes())
        loop.run()
        return call
    }
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// How a call ended.
struct Ending: Hashable {
    var code: GRPCStatusCode
    var message: String

    init(_ code: GRPCStatusCode, _ message: String) {
        self.code = code
        self.message = message
    }

    init(_ error: any Error) {
        let status = GRPCStatus(describing: error)
        self.init(status.code, status.message)
    }

    static let denied = Ending(.permissionDenied, "etcdserver: permission denied")
    static let anonymous = Ending(.invalidArgument, "etcdserver: user name is empty")
    static let invalidToken = Ending(.unauthenticated, "etcdserver: invalid auth token")
}

extension RecordingCall {
    var ending: Ending? { status.map { Ending($0) } }
}
