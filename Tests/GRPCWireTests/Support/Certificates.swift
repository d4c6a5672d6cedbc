// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// A folder that is gone when its owner is.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        self.path = FileManager.default.temporaryDirectory.appendingPathComponent("martlet-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: self.path) }

    func file(_ name: String) -> String { "\(self.path)/\(name)" }
}

struct ProcessFailure: Error { var text: String }

/// Runs a program to its end and returns what it printed.
@discardableResult
func run(_ program: String, _ arguments: [String], input: String = "") throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    let output = Pipe()
    let standardInput = Pipe()
    process.standardOutput = output
    process.standardError = output
    process.standardInput = standardInput
    try process.run()
    standardInput.fileHandleForWriting.write(Data(input.utf8))
    try standardInput.fileHandleForWriting.close()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw ProcessFailure(text: "\(program) \(arguments): \(text)") }
    return text
}

extension Trait where Self == ConditionTrait {
    /// For tests that make certificates. With `MARTLET_REQUIRE_PEERS=1` they fail where the program is missing.
    static var needsOpenSSL: ConditionTrait {
        .enabled("no openssl program") { Peers.isRequired || (try? run("openssl", ["version"])) != nil }
    }
}

/// Authorities and certificates of one test, made by the `openssl` program; valid for a day.
struct Certificates {
    let folder: TemporaryFolder

    /// An authority `ca`, and by it `server` and `client`.
    init() throws {
        self.folder = try TemporaryFolder()
        try self.makeAuthority("ca")
        try self.makeLeaf("server", by: "ca")
        try self.makeLeaf("client", by: "ca")
    }

    func certificate(_ name: String) -> String { self.folder.file("\(name).pem") }
    func key(_ name: String) -> String { self.folder.file("\(name).key") }

    private static let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]

    func makeAuthority(_ name: String) throws {
        try run(
            "openssl",
            ["req", "-x509"] + Self.newKey + [
                "-subj", "/CN=\(name)", "-keyout", self.key(name), "-out", self.certificate(name),
                "-addext", "keyUsage=critical,keyCertSign,cRLSign",
            ])
    }

    func makeLeaf(_ name: String, by authority: String) throws {
        let request = self.folder.file("\(name).csr")
        let extensions = self.folder.file("\(name).ext")
        try "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\nbasicConstraints=CA:FALSE\n"
            .write(toFile: extensions, atomically: true, encoding: .utf8)
        try run(
            "openssl",
            ["req"] + Self.newKey + ["-subj", "/CN=\(name)", "-keyout", self.key(name), "-out", request])
        try run(
            "openssl",
            [
                "x509", "-req", "-days", "1", "-in", request, "-CA", self.certificate(authority),
                "-CAkey", self.key(authority), "-CAcreateserial", "-extfile", extensions,
                "-out", self.certificate(name),
            ])
    }
}
