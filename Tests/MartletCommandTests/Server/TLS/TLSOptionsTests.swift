// SPDX-License-Identifier: Apache-2.0

import MartletCommand
import MartletGRPCWire
import Testing

@Suite struct TLSOptionsTests {
    private static let https = "--listen-client-urls=https://127.0.0.1:1"
    private static let files = ["--cert-file=c", "--key-file=k"]

    private func options(_ arguments: [String]) throws -> ServerOptions {
        try ServerOptions(try ServerFlags(arguments: arguments))
    }

    @Test func namesFiles() throws {
        let tls = try #require(try options([Self.https, "--trusted-ca-file=a"] + Self.files).tls)
        #expect(tls.identity == .files(certificate: "c", key: "k"))
        #expect(tls.trustedAuthorityFile == "a")
        #expect(tls.requiresClientCertificate, "naming authorities asks for certificates of theirs")
        #expect(tls.minimumVersion == .tls12)
        #expect(tls.maximumVersion == nil)
        #expect(tls.cipherSuites == nil)
    }

    @Test func asksOfClients() throws {
        let tls = try #require(
            try options(
                [
                    Self.https, "--client-cert-auth", "--client-crl-file=r",
                    "--client-cert-allowed-hostname=a.example, b.example",
                ] + Self.files
            ).tls)
        #expect(tls.requiresClientCertificate)
        #expect(tls.trustedAuthorityFile == nil)
        #expect(tls.revocationFile == "r")
        #expect(tls.allowedHostnames == ["a.example", "b.example"])
    }

    @Test func makesItsOwn() throws {
        let options = try options([
            "--listen-client-urls=https://127.0.0.1:1,https://localhost:2", "--listen-client-http-urls=https://[::1]:3",
            "--listen-metrics-urls=http://10.0.0.1:4", "--auto-tls", "--data-dir=/d", "--self-signed-cert-validity=3",
        ])
        #expect(
            options.tls?.identity
                == .selfSigned(folder: "/d/fixtures/client", hosts: ["127.0.0.1", "localhost", "::1"], years: 3))
        #expect(options.warnings.isEmpty)
    }

    @Test func takesGivenFilesBeforeItsOwn() throws {
        let options = try options([Self.https, "--auto-tls"] + Self.files)
        #expect(options.tls?.identity == .files(certificate: "c", key: "k"))
        #expect(options.warnings == ["ignoring client auto TLS since certs given"])
    }

    @Test func saysWhatIsIgnoredWithoutTLS() throws {
        let options = try options(["--listen-client-urls=http://127.0.0.1:1", "--client-cert-auth"] + Self.files)
        #expect(
            options.notices == [
                ServerNotice(
                    .warning, "scheme is HTTP while key and cert files are present; ignoring key and cert files",
                    ["client-url": "http://127.0.0.1:1"]),
                ServerNotice(
                    .warning,
                    "scheme is HTTP while --client-cert-auth is enabled; ignoring client cert auth for this URL",
                    ["client-url": "http://127.0.0.1:1"]),
            ])
    }

    @Test func readsVersionsAndCipherSuites() throws {
        let tls = try #require(
            try options(
                [
                    Self.https, "--tls-max-version=TLS1.2",
                    "--cipher-suites=TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
                ] + Self.files
            ).tls)
        #expect(tls.cipherSuites == [0xC02C, 0xCCA8])
        #expect(tls.maximumVersion == .tls12)
        let newest = try options([Self.https, "--tls-min-version=TLS1.3"] + Self.files).tls
        #expect(newest?.minimumVersion == .tls13)
        let third = try options([Self.https, "--cipher-suites=TLS_AES_128_GCM_SHA256"] + Self.files).tls
        #expect(third != nil && third?.cipherSuites == nil)
    }

    @Test(arguments: [
        (
            [],
            "TLS key/cert (--cert-file, --key-file) must be provided for client url https://127.0.0.1:1 "
                + "with HTTPS scheme"
        ),
        (["--cert-file=c"], "KeyFile and CertFile must both be present[key: , cert: c]"),
        (
            ["--auto-tls", "--self-signed-cert-validity=0"],
            "selfSignedCertValidity is invalid,it should be greater than 0"
        ),
        (Self.files + ["--cipher-suites=foo"], "unexpected TLS cipher suite \"foo\""),
        (
            Self.files + ["--cipher-suites=TLS_RSA_WITH_RC4_128_SHA"],
            "none of the cipher suites is spoken here: TLS_RSA_WITH_RC4_128_SHA"
        ),
        (
            Self.files + ["--tls-min-version=TLS1.3", "--tls-max-version=TLS1.2"],
            "min version (TLS1.3) is greater than max version (TLS1.2)"
        ),
        (
            Self.files + ["--tls-min-version=TLS1.3", "--cipher-suites=TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"],
            "cipher suites cannot be configured when only TLS1.3 is enabled"
        ),
    ])
    func refuses(_ arguments: [String], _ text: String) throws {
        #expect(throws: ServerFlagError.conflict(text)) { try options([Self.https] + arguments) }
    }
}
