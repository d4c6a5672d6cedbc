// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletAuthTokens
import MartletBasics
import MartletEtcdServer
import MartletGRPCWire
import MartletNode
import MartletReplica
import MartletTestPrograms
import MartletWALCodec
import NIOCore
import NIOPosix
import Testing

/// What a restart keeps: users and the switch always, simple tokens as long as the log is read again that holds their
/// logins.
@Suite(.timeLimit(.minutes(30))) struct AuthRestartTests {
    /// A server in a folder, for the time of `body`.
    private func withServer(
        in folder: TemporaryFolder, checkpointInterval: Duration, _ body: (EtcdServer) async throws -> Void
    ) async throws {
        var configuration = EtcdServerConfiguration()
        configuration.bcryptCost = Bcrypt.minimumCost
        let identity = MemberIdentity(
            peerURLs: configuration.peerURLs, clusterToken: configuration.clusterToken)
        var replica = configuration.replica(memberID: identity.memberID)
        replica.checkpointInterval = checkpointInterval
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let data = try DataFolder(path: folder.file("data")).open(
            replica, new: WALMetadata(memberID: identity.memberID, clusterID: identity.clusterID),
            at: Moment(monotonic: .zero, wallMilliseconds: Member.wallMilliseconds()))
        let server = try await EtcdServer.start(
            data, configuration: configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            on: group.next(), onFailure: { Issue.record($0) })
        do {
            try await body(server)
        } catch {
            Issue.record(error)
        }
        try await server.stop()
        try await group.shutdownGracefully()
    }

    @discardableResult
    private func post(
        _ server: EtcdServer, _ path: String, _ body: String, token: String? = nil
    ) async -> (status: Int, text: String) {
        let headers = token.map { [("Authorization", $0)] } ?? []
        let response = await server.respond(
            to: HTTP1Request(method: "POST", uri: "/v3/" + path, headers: headers, body: Array(body.utf8)))
        return (response.status, String(decoding: response.body, as: UTF8.self))
    }

    private func logIn(_ server: EtcdServer) async throws -> String {
        let answer = await post(server, "auth/authenticate", #"{"name":"root","password":"pw"}"#)
        #expect(answer.status == 200, "\(answer.text)")
        return String(try #require(answer.text.split(separator: "\"token\":\"").last?.split(separator: "\"").first))
    }

    private func putStatus(_ server: EtcdServer, _ token: String?) async -> Int {
        await post(server, "kv/put", #"{"key":"aw=="}"#, token: token).status
    }

    /// Makes `root`, and gives a token of his.
    private func begin(_ server: EtcdServer) async throws -> String {
        #expect(await post(server, "auth/user/add", #"{"name":"root","password":"pw"}"#).status == 200)
        #expect(await post(server, "auth/user/grant", #"{"user":"root","role":"root"}"#).status == 200)
        #expect(await post(server, "auth/enable", "{}").status == 200)
        let token = try await logIn(server)
        #expect(await putStatus(server, token) == 200)
        return token
    }

    @Test func tokensInTheLogOutliveIt() async throws {
        let folder = try TemporaryFolder()
        var token = ""
        try await withServer(in: folder, checkpointInterval: .seconds(3600)) { server in
            token = try await begin(server)
        }
        try await withServer(in: folder, checkpointInterval: .seconds(3600)) { server in
            #expect(await putStatus(server, nil) == 400)
            #expect(await putStatus(server, token) == 200)
            #expect(await post(server, "auth/disable", "{}", token: token).status == 200)
        }
        try await withServer(in: folder, checkpointInterval: .seconds(3600)) { server in
            #expect(await putStatus(server, nil) == 200)
        }
    }

    @Test func tokensInACheckpointDoNot() async throws {
        let folder = try TemporaryFolder()
        var token = ""
        try await withServer(in: folder, checkpointInterval: .milliseconds(20)) { server in
            token = try await begin(server)
            // Two checkpoints later its record is before one of them.
            try await Task.sleep(for: .milliseconds(500))
        }
        var attempts = 0
        var status = 200
        while status == 200, attempts < 20 {
            attempts += 1
            try await withServer(in: folder, checkpointInterval: .milliseconds(20)) { server in
                status = await putStatus(server, token)
                try await Task.sleep(for: .milliseconds(200))
                guard status != 200 else { return }
                // Users are there, and authentication is on.
                #expect(await putStatus(server, nil) == 400)
                #expect(await putStatus(server, try await logIn(server)) == 200)
            }
        }
        #expect(status == 401)
    }
}
