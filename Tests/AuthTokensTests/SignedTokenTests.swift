// SPDX-License-Identifier: Apache-2.0

import Crypto
import CryptoExtras
import MartletAuth
import MartletAuthTokens
import Testing

@Suite struct SignedTokenTests {
    private let alice = AuthIdentity(name: "alice", revision: 7)

    private func key(_ algorithm: JWTAlgorithm, publicFile: String? = nil) throws -> JWTKey {
        let publicKey =
            switch algorithm {
            case .es256: Vectors.p256Public
            case .es384: Vectors.p384Public
            case .es512: Vectors.p521Public
            case .edDSA: Vectors.ed25519Public
            default: Vectors.rsaPublic
            }
        return try JWTKey(
            for: algorithm, privateFile: algorithm.family == .hmac ? Array(Vectors.hmacSecret.utf8) : nil,
            publicFile: Array((publicFile ?? publicKey).utf8))
    }

    /// A key with both halves, as it would be read from a file.
    private func freshKey(_ algorithm: JWTAlgorithm) throws -> JWTKey {
        let file =
            switch algorithm {
            case .es256: P256.Signing.PrivateKey().pemRepresentation
            case .es384: P384.Signing.PrivateKey().pemRepresentation
            case .es512: P521.Signing.PrivateKey().pemRepresentation
            case .edDSA: Curve25519.Signing.PrivateKey().pemRepresentation
            case .hs256, .hs384, .hs512: "any bytes"
            default: try _RSA.Signing.PrivateKey(keySize: .bits2048).pemRepresentation
            }
        return try JWTKey(for: algorithm, privateFile: Array(file.utf8), publicFile: nil)
    }

    @Test(arguments: JWTAlgorithm.allCases)
    func readsTokensOfAnotherProgram(_ algorithm: JWTAlgorithm) throws {
        let token = try #require(Vectors.tokens[algorithm.rawValue])
        let tokens = SignedTokens(algorithm: algorithm, key: try key(algorithm))
        #expect(tokens.identity(of: token, unixTime: .seconds(3_999_999_999)) == alice)
        #expect(tokens.identity(of: token, unixTime: .seconds(4_000_000_000)) == nil)
        // The method must be the one of the server, even where the key would do.
        for other in JWTAlgorithm.allCases where other != algorithm && other.family == algorithm.family {
            let otherTokens = SignedTokens(algorithm: other, key: try key(algorithm))
            #expect(otherTokens.identity(of: token, unixTime: .zero) == nil)
        }
    }

    @Test func readsEtcdsToken() throws {
        for file in [Vectors.rsaPublic, Vectors.rsaCertificate] {
            let tokens = SignedTokens(algorithm: .rs256, key: try key(.rs256, publicFile: file))
            let expected = AuthIdentity(name: "al<ic>e", revision: 4)
            #expect(tokens.identity(of: Vectors.etcdToken, unixTime: .seconds(1_795_242_710)) == expected)
            #expect(tokens.identity(of: Vectors.etcdToken, unixTime: .seconds(1_795_242_711)) == nil)
        }
        let other = SignedTokens(algorithm: .rs256, key: try key(.rs256, publicFile: Vectors.otherRSAPublic))
        #expect(other.identity(of: Vectors.etcdToken, unixTime: .zero) == nil)
    }

    @Test(arguments: JWTAlgorithm.allCases)
    func roundTrip(_ algorithm: JWTAlgorithm) throws {
        let tokens = SignedTokens(algorithm: algorithm, key: try freshKey(algorithm), timeToLive: .seconds(60))
        let token = try tokens.issue(to: "alice", revision: 7, unixTime: .milliseconds(1_000_900))
        #expect(tokens.identity(of: token, unixTime: .milliseconds(1_059_999)) == alice)
        // The expiry is in whole seconds.
        #expect(tokens.identity(of: token, unixTime: .seconds(1060)) == nil)
        let stranger = SignedTokens(algorithm: algorithm, key: try key(algorithm))
        #expect(stranger.identity(of: token, unixTime: .seconds(1000)) == nil)
        // Every part counts.
        for (offset, index) in token.indices.enumerated() where offset.isMultiple(of: 11) && token[index] != "." {
            // The last digit of a part has bits that are not looked at.
            let next = token.index(after: index)
            if next == token.endIndex || token[next] == "." { continue }
            var changed = token
            changed.replaceSubrange(index...index, with: token[index] == "A" ? "B" : "A")
            #expect(tokens.identity(of: changed, unixTime: .seconds(1000)) == nil)
        }
    }

    @Test func layout() throws {
        let tokens = SignedTokens(algorithm: .hs256, key: try freshKey(.hs256), timeToLive: .seconds(600))
        let token = try tokens.issue(to: "al<ic>e\"\\\n\u{1}", revision: 4, unixTime: .seconds(1_795_242_111))
        let parts = token.split(separator: ".")
        // The header and, but for the name, the claims are etcd's to the byte.
        #expect(parts[0] == "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9")
        #expect(parts[1].hasPrefix("eyJleHAiOjE3OTUyNDI3MTEsInJldmlzaW9uIjo0LCJ1c2VybmFtZSI6ImFsXHUwMDNjaWNcdTAwM2Vl"))
        #expect(tokens.identity(of: token, unixTime: .zero)?.name == "al<ic>e\"\\\n\u{1}")
    }

    @Test func aPublicKeyOnlyChecks() throws {
        let tokens = SignedTokens(algorithm: .es256, key: try key(.es256, publicFile: Vectors.p256Certificate))
        #expect(throws: SignedTokens.SigningError.verifyOnly) {
            try tokens.issue(to: "alice", revision: 1, unixTime: .zero)
        }
        #expect(SignedTokens.SigningError.verifyOnly.text == "auth: token signing attempted with verify-only key")
        let token = try #require(Vectors.tokens["ES256"])
        #expect(tokens.identity(of: token, unixTime: .zero) == alice)
    }

    @Test func theCurveMustBeTheMethods() throws {
        let tokens = SignedTokens(algorithm: .es384, key: try freshKey(.es256))
        #expect(throws: SignedTokens.SigningError.invalidKey) {
            try tokens.issue(to: "alice", revision: 1, unixTime: .zero)
        }
    }

    @Test func claims() throws {
        let secret = SymmetricKey(data: Array("any bytes".utf8))
        let tokens = SignedTokens(algorithm: .hs256, key: .hmac(secret))
        func identity(_ claims: String, header: String = #"{"alg":"HS256"}"#) -> AuthIdentity? {
            let message = base64URL(Array(header.utf8)) + "." + base64URL(Array(claims.utf8))
            let signature = HMAC<SHA256>.authenticationCode(for: Array(message.utf8), using: secret)
            return tokens.identity(of: message + "." + base64URL(Array(signature)), unixTime: .seconds(100))
        }
        #expect(identity(#"{"username":"alice","revision":7}"#) == alice)
        #expect(identity(#"{"username":"alice","revision":7.9,"exp":100.5,"nbf":100,"x":[1]}"#) == alice)
        #expect(identity(#"{"username":"alice","revision":7,"exp":0}"#) == alice)
        for bad in [
            #"{"username":"alice"}"#, #"{"revision":7}"#, #"{"username":7,"revision":7}"#,
            #"{"username":"alice","revision":"7"}"#, #"{"username":"alice","revision":-7}"#,
            #"{"username":"alice","revision":1e300}"#, #"{"username":"alice","revision":7,"exp":"x"}"#,
            #"{"username":"alice","revision":7,"exp":100}"#, #"{"username":"alice","revision":7,"nbf":101}"#,
            "[]", "", "{",
        ] {
            #expect(identity(bad) == nil, "\(bad)")
        }
        let good = #"{"username":"alice","revision":7}"#
        for header in [#"{"alg":"none"}"#, #"{"alg":"HS512"}"#, #"{"alg":"hs256"}"#, "{}", "", #"{"alg":1}"#] {
            #expect(identity(good, header: header) == nil, "\(header)")
        }
        for token in ["", "a", "a.b", "a.b.c", "..", "...", "eyJhbGciOiJub25lIn0.e30."] {
            #expect(tokens.identity(of: token, unixTime: .zero) == nil)
        }
    }

    private func base64URL(_ bytes: [UInt8]) -> String {
        StandardBase64.encode(bytes).filter { $0 != "=" }.map { $0 == "+" ? "-" : $0 == "/" ? "_" : "\($0)" }.joined()
    }
}
