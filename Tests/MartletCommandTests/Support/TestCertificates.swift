// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletTestPrograms
import Testing

extension Trait where Self == ConditionTrait {
    /// For tests that make certificates and ask with curl. With `MARTLET_REQUIRE_PEERS=1` they fail for want of either.
    static var needsOpenSSLAndCurl: ConditionTrait {
        .enabled("no openssl or no curl") {
            if ProcessInfo.processInfo.environment["MARTLET_REQUIRE_PEERS"] == "1" { return true }
            let script = "openssl version && curl --version"
            return (try? await run("/bin/sh", ["-c", script]))?.isSuccess == true
        }
    }
}

/// An authority `ca` and certificates by it, made by the `openssl` program; valid for a day.
struct TestCertificates {
    let folder: TemporaryFolder

    init() async throws {
        folder = try TemporaryFolder()
        try await sh(
            """
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=ca \
              -keyout ca.key -out ca.pem -addext keyUsage=critical,keyCertSign,cRLSign
            printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=index\\ncrlnumber=number\\ndefault_md=sha256\\n' >ca.cnf
            printf 'default_crl_days=1\\n' >>ca.cnf
            : >index
            echo 01 >number
            """)
        try await make("server", "subjectAltName=IP:127.0.0.1,DNS:localhost\\nextendedKeyUsage=serverAuth")
    }

    func certificate(_ name: String) -> String { folder.file("\(name).pem") }
    func key(_ name: String) -> String { folder.file("\(name).key") }

    /// - Parameter extensions: Lines, with `\n` between them as printf reads it.
    func make(_ name: String, _ extensions: String = "extendedKeyUsage=clientAuth") async throws {
        try await sh(
            """
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=\(name) \
              -keyout \(name).key -out \(name).csr
            printf '\(extensions)\\n' >\(name).ext
            openssl x509 -req -days 1 -in \(name).csr -CA ca.pem -CAkey ca.key -CAcreateserial \
              -extfile \(name).ext -out \(name).new
            mv \(name).new \(name).pem
            """)
    }

    /// Lists the certificates so far revoked, and `name`, in `crl.pem` and `crl.der`.
    func revoke(_ name: String) async throws {
        try await sh(
            """
            openssl ca -config ca.cnf -keyfile ca.key -cert ca.pem -revoke \(name).pem
            openssl ca -config ca.cnf -keyfile ca.key -cert ca.pem -gencrl -out crl.new
            openssl crl -in crl.new -outform der -out crl.der
            mv crl.new crl.pem
            """)
    }

    private func sh(_ script: String) async throws {
        try await output(of: "/bin/sh", ["-ec", "cd '\(folder.path)'\n" + script])
    }
}

/// The etcdctl of a real etcd, as its tests' environment names it.
enum Etcdctl {
    static let all: [String] = ["MARTLET_ETCDCTL_34", "MARTLET_ETCDCTL_35"].compactMap {
        ProcessInfo.processInfo.environment[$0].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Puts a key and gets it again; whether that went well.
    ///
    /// - Parameter patience: how long it waits for an answer; it waits as long where a server refuses it.
    static func works(
        _ etcdctl: String, _ endpoint: String, _ flags: [String], patience: String = "60s"
    ) async throws -> Bool {
        let words =
            ["ETCDCTL_API=3", etcdctl, "--endpoints", endpoint, "--command-timeout", patience]
            + ["--dial-timeout", patience] + flags
        let put = try await run("/usr/bin/env", words + ["put", "a", "b"])
        guard put.isSuccess else { return false }
        let get = try await run("/usr/bin/env", words + ["get", "--print-value-only", "a"])
        return get.isSuccess && get.output == "b"
    }
}
