// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletTestPrograms
import Testing

extension Trait where Self == ConditionTrait {
    /// For tests that make certificates. With `MARTLET_REQUIRE_PEERS=1` they fail where the program is missing.
    static var needsOpenSSL: ConditionTrait {
        .enabled("no openssl program") {
            if Peers.isRequired { return true }
            return (try? await run("openssl", ["version"]))?.isSuccess == true
        }
    }
}

/// Authorities and certificates of one test, made by the `openssl` program; valid for a day.
struct Certificates {
    let folder: TemporaryFolder

    /// An authority `ca`, and by it `server` and `client`.
    init() async throws {
        self.folder = try TemporaryFolder()
        try await self.makeAuthority("ca")
        try await self.makeLeaf("server", by: "ca")
        try await self.makeLeaf("client", by: "ca")
    }

    func certificate(_ name: String) -> String { self.folder.file("\(name).pem") }
    func key(_ name: String) -> String { self.folder.file("\(name).key") }

    private static let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]

    func makeAuthority(_ name: String) async throws {
        try await output(
            of: "openssl",
            ["req", "-x509"] + Self.newKey + [
                "-subj", "/CN=\(name)", "-keyout", self.key(name), "-out", self.certificate(name),
                "-addext", "keyUsage=critical,keyCertSign,cRLSign",
            ])
    }

    func makeLeaf(_ name: String, by authority: String) async throws {
        let request = self.folder.file("\(name).csr")
        let extensions = self.folder.file("\(name).ext")
        try "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\nbasicConstraints=CA:FALSE\n"
            .write(toFile: extensions, atomically: true, encoding: .utf8)
        try await output(
            of: "openssl",
            ["req"] + Self.newKey + ["-subj", "/CN=\(name)", "-keyout", self.key(name), "-out", request])
        try await output(
            of: "openssl",
            [
                "x509", "-req", "-days", "1", "-in", request, "-CA", self.certificate(authority),
                "-CAkey", self.key(authority), "-CAcreateserial", "-extfile", extensions,
                "-out", self.certificate(name),
            ])
    }
}
