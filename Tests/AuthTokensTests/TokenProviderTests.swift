// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletAuthTokens
import SwiftASN1
import Testing

@Suite struct TokenProviderTests {
    private func provider(_ text: String) throws -> TokenProvider {
        try TokenProvider(AuthTokenOptions(text)) { _ in Array("secret".utf8) }
    }

    private func time(_ seconds: Int) -> TokenTime {
        TokenTime(monotonic: .seconds(seconds), unix: .seconds(1_000_000 + seconds))
    }

    private func enabledStore() throws -> AuthStore {
        var store = AuthStore()
        _ = try store.apply(
            .userAdd(name: "root", hash: "", options: .init(noPassword: false)), as: .anonymous)
        _ = try store.apply(.userGrantRole(user: "root", role: "root"), as: .anonymous)
        _ = try store.apply(.enable, as: .anonymous)
        return store
    }

    @Test func simpleTokensAreOfTheCurrentRevision() throws {
        var provider = try provider("simple")
        var store = try enabledStore()
        provider.apply(.begin)
        let prefix = provider.makePrefix()
        #expect(prefix.count == 16)
        let token = try provider.assign(
            to: "root", revision: store.revision, simpleToken: prefix, index: 9, now: time(0))
        #expect(provider.indexToAwait(for: token) == 9)
        let identity = try provider.identity(token: token, certificateName: "other", in: store, now: time(1))
        #expect(identity == AuthIdentity(name: "root", revision: store.revision))
        _ = try store.apply(.roleAdd(name: "r"), as: identity)
        #expect(
            try provider.identity(token: token, certificateName: nil, in: store, now: time(2)).revision
                == store.revision)
        #expect(throws: AuthError.invalidToken) {
            try provider.identity(token: token, certificateName: "root", in: store, now: time(1000))
        }
        provider.removeEnded(now: time(1000))
        #expect(throws: AuthError.invalidToken) {
            try provider.identity(token: "", certificateName: "root", in: store, now: time(0))
        }
    }

    @Test func signedTokensKeepTheirRevision() throws {
        var provider = try provider("jwt,sign-method=HS256,priv-key=k")
        var store = try enabledStore()
        provider.apply(.begin)
        #expect(provider.makePrefix() == "")
        let revision = store.revision
        let token = try provider.assign(to: "root", revision: revision, simpleToken: "", index: 9, now: time(0))
        #expect(provider.indexToAwait(for: token) == 0)
        _ = try store.apply(.roleAdd(name: "r"), as: AuthIdentity(name: "root", revision: revision))
        // Neither a change of users nor an ended user takes a signed token back; its revision does.
        provider.apply(.end(of: "root"))
        #expect(
            try provider.identity(token: token, certificateName: nil, in: store, now: time(1))
                == AuthIdentity(name: "root", revision: revision))
        #expect(throws: AuthError.invalidToken) {
            try provider.identity(token: token, certificateName: nil, in: store, now: time(300))
        }
    }

    @Test func signaturesAreCheckedOnceATokenWhileUsersStay() throws {
        var provider = try provider("jwt,sign-method=HS256,priv-key=k,ttl=100s")
        var store = try enabledStore()
        let revision = store.revision
        func issue(at seconds: Int) throws -> String {
            try provider.assign(to: "root", revision: revision, simpleToken: "", index: 9, now: time(seconds))
        }
        func name(_ token: String, at seconds: Int) -> AuthName? {
            try? provider.identity(token: token, certificateName: nil, in: store, now: time(seconds)).name
        }
        let (early, late) = (try issue(at: 0), try issue(at: 50))
        for _ in 0..<3 {
            #expect(name(early, at: 1) == "root")
            #expect(name(late, at: 1) == "root")
            // What is not ours is not kept, nor taken for what is.
            for stranger in [early + "A", String(early.dropLast()), "A" + early, ""] {
                #expect(name(stranger, at: 1) == nil)
            }
            #expect(provider.verifiedCount == 2)
        }
        // Known or not, a token ends in its time.
        #expect(name(early, at: 99) == "root")
        #expect(name(early, at: 100) == nil)
        #expect(provider.verifiedCount == 1)
        #expect(name(early, at: 100) == nil)
        #expect(provider.verifiedCount == 1)
        provider.removeEnded(now: time(149))
        #expect(provider.verifiedCount == 1)
        provider.removeEnded(now: time(150))
        #expect(provider.verifiedCount == 0)
        // What was read before users changed is forgotten.
        #expect(name(early, at: 2) == "root" && name(late, at: 2) == "root")
        _ = try store.apply(.roleAdd(name: "r"), as: AuthIdentity(name: "root", revision: revision))
        #expect(name(late, at: 2) == "root")
        #expect(provider.verifiedCount == 1)
    }

    @Test func verifiedTokensAreBounded() throws {
        var provider = try provider("jwt,sign-method=HS256,priv-key=k,ttl=10000s")
        let store = try enabledStore()
        let bound = 4096
        for number in 0..<bound + 10 {
            let token = try provider.assign(
                to: "root", revision: store.revision, simpleToken: "", index: 9, now: time(number))
            _ = try provider.identity(token: token, certificateName: nil, in: store, now: time(number))
            #expect(provider.verifiedCount <= bound)
        }
        #expect(provider.verifiedCount == 10)
    }

    @Test func withoutTokensCertificatesCount() throws {
        var provider = try provider("")
        let store = try enabledStore()
        #expect(throws: TokenProvider.AssignError.invalidToken) {
            try provider.assign(to: "root", revision: 1, simpleToken: "", index: 1, now: time(0))
        }
        #expect(throws: AuthError.invalidToken) {
            try provider.identity(token: "x.1", certificateName: "root", in: store, now: time(0))
        }
        #expect(
            try provider.identity(token: nil, certificateName: "root", in: store, now: time(0))
                == AuthIdentity(name: "root", revision: store.revision))
        #expect(try provider.identity(token: nil, certificateName: nil, in: store, now: time(0)) == .anonymous)
    }

    @Test func whileOffTokensAreNotLookedAt() throws {
        var provider = try provider("simple")
        #expect(try provider.identity(token: "junk", certificateName: nil, in: AuthStore(), now: time(0)) == .anonymous)
    }

    @Test func metadata() {
        #expect(TokenMetadata.token(token: nil, authorization: nil) == nil)
        #expect(TokenMetadata.token(token: "a", authorization: "b") == "a")
        #expect(TokenMetadata.token(token: "", authorization: "b") == "")
        #expect(TokenMetadata.token(token: nil, authorization: "b") == "b")
        #expect(TokenMetadata.token(token: nil, authorization: "Bearer b") == "b")
        #expect(TokenMetadata.token(token: nil, authorization: "bearer b") == "bearer b")
    }

    @Test func commonNames() throws {
        let two = try PEMDocument(pemString: Vectors.rsaCertificate).derBytes
        #expect(ClientCertificate.commonName(of: two) == "alice")
        let none = try PEMDocument(pemString: Vectors.p256Certificate).derBytes
        #expect(ClientCertificate.commonName(of: none) == "")
        #expect(ClientCertificate.commonName(of: [1, 2, 3]) == nil)
    }
}
