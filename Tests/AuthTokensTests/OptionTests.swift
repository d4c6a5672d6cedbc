// SPDX-License-Identifier: Apache-2.0

import Crypto
import CryptoExtras
import MartletAuthTokens
import Testing

struct NoSuchFile: Error {}

@Suite struct OptionTests {
    /// Parses `--auth-token` and loads what it names from `files`.
    private func load(_ text: String, files: [String: String] = [:]) throws(AuthTokenError) -> SignedTokens {
        try SignedTokens(AuthTokenOptions(text)) { path in
            guard let file = files[path] else { throw NoSuchFile() }
            return Array(file.utf8)
        }
    }

    @Test func kinds() throws {
        #expect(try AuthTokenOptions("simple").kind == .simple)
        #expect(try AuthTokenOptions("simple,anything=goes").kind == .simple)
        #expect(try AuthTokenOptions("jwt,sign-method=RS256").kind == .jwt)
        #expect(try AuthTokenOptions("").kind == .none)
        #expect(try AuthTokenOptions("jwt,b=1,sign-method=x,a=").unknownKeys == ["a", "b"])
    }

    @Test(arguments: [
        "foo", "JWT", "simple,a", "simple,a=b=c", "simple,", "simple,a=b,a=c",
        "jwt,sign-method=RS256,sign-method=RS256",
    ])
    func badOptions(_ text: String) {
        #expect(throws: AuthTokenError.invalidOptions) { try AuthTokenOptions(text) }
        #expect(AuthTokenError.invalidOptions.text == "auth: invalid auth options")
    }

    @Test func whatEtcdRefuses() throws {
        let rsa = try _RSA.Signing.PrivateKey(keySize: .bits2048)
        let files = [
            "rsa": rsa.pemRepresentation, "rsa8": rsa.pkcs8PEMRepresentation,
            "rsapub": rsa.publicKey.pemRepresentation, "otherpub": Vectors.otherRSAPublic,
            "ec": P256.Signing.PrivateKey().pemRepresentation, "ecpub": Vectors.p256Public,
            "ed": Curve25519.Signing.PrivateKey().pemRepresentation, "edpub": Vectors.ed25519Public,
            "text": "no key", "empty": "",
        ]
        let cases: [(String, String)] = [
            ("jwt", "auth: invalid auth options"),
            ("jwt,sign-method=RS123", "auth: invalid auth options"),
            ("jwt,sign-method=none", "unsupported signing method: *jwt.signingMethodNone"),
            ("jwt,sign-method=RS256", "auth: missing key data"),
            ("jwt,sign-method=RS256,priv-key=empty", "auth: missing key data"),
            ("jwt,sign-method=HS256,pub-key=rsapub", "auth: missing key data"),
            ("jwt,sign-method=RS256,priv-key=nope", "auth: invalid auth options"),
            ("jwt,sign-method=RS256,pub-key=nope,priv-key=rsa", "auth: invalid auth options"),
            ("jwt,sign-method=RS256,ttl=forever,priv-key=rsa", "auth: invalid auth options"),
            ("jwt,sign-method=RS256,priv-key=text", "invalid key: Key must be a PEM encoded PKCS1 or PKCS8 key"),
            ("jwt,sign-method=RS256,priv-key=rsapub", "key is not a valid RSA private key"),
            ("jwt,sign-method=PS256,priv-key=ec", "key is not a valid RSA private key"),
            ("jwt,sign-method=RS256,pub-key=ecpub", "key is not a valid RSA public key"),
            ("jwt,sign-method=RS256,pub-key=rsa", "key is not a valid RSA public key"),
            ("jwt,sign-method=ES256,priv-key=rsa8", "key is not a valid ECDSA private key"),
            ("jwt,sign-method=ES256,priv-key=ed", "key is not a valid ECDSA private key"),
            ("jwt,sign-method=ES256,pub-key=rsapub", "key is not a valid ECDSA public key"),
            ("jwt,sign-method=EdDSA,priv-key=ec", "key is not a valid Ed25519 private key"),
            ("jwt,sign-method=EdDSA,pub-key=ecpub", "key is not a valid Ed25519 public key"),
            ("jwt,sign-method=RS256,pub-key=otherpub,priv-key=rsa", "auth: public and private keys don't match"),
            ("jwt,sign-method=ES256,pub-key=ecpub,priv-key=ec", "auth: public and private keys don't match"),
            ("jwt,sign-method=EdDSA,pub-key=edpub,priv-key=ed", "auth: public and private keys don't match"),
        ]
        for (text, expected) in cases {
            do {
                _ = try load(text, files: files)
                Issue.record("\(text) was taken")
            } catch {
                #expect(error.text == expected, "\(text)")
            }
        }
        for text in [
            "jwt,sign-method=RS256,priv-key=rsa", "jwt,sign-method=PS512,priv-key=rsa8,pub-key=rsapub",
            "jwt,sign-method=HS384,priv-key=text", "jwt,sign-method=ES256,pub-key=ecpub",
        ] {
            #expect(throws: Never.self) { try load(text, files: files) }
        }
    }

    @Test func timeToLive() throws {
        let files = ["k": "secret"]
        #expect(try load("jwt,sign-method=HS256,priv-key=k", files: files).timeToLive == .seconds(300))
        #expect(try load("jwt,sign-method=HS256,priv-key=k,ttl=", files: files).timeToLive == .seconds(300))
        #expect(try load("jwt,sign-method=HS256,priv-key=k,ttl=1h30m", files: files).timeToLive == .seconds(5400))
    }

    @Test func goDurations() {
        let good: [(String, Duration)] = [
            ("0", .zero), ("5m", .seconds(300)), ("1h15m30.918s", .milliseconds(4_530_918)), ("-1.5h", .seconds(-5400)),
            ("+5s", .seconds(5)), (".5s", .milliseconds(500)), ("1.s", .seconds(1)), ("100ns", .nanoseconds(100)),
            ("3us", .microseconds(3)), ("3\u{B5}s", .microseconds(3)), ("3\u{3BC}s", .microseconds(3)),
        ]
        for (text, expected) in good { #expect(GoDuration.parse(text) == expected, "\(text)") }
        for text in ["", "5", "-", "s", "5 s", "5d", ".s", "1.2.3s", "5m5", "forever", "1e3s", "999999999h"] {
            #expect(GoDuration.parse(text) == nil, "\(text)")
        }
    }
}
