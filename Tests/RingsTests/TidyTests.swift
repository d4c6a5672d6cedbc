// SPDX-License-Identifier: Apache-2.0

import Testing

@Suite struct TidyTests {
    static let places = [
        "Sources", "Tests", "Protos", "Benchmarks", "Fuzz", "Examples", "scripts", ".ci/run", "Package.swift",
        "Makefile", "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md",
    ]
    /// What holds bytes, or text of others.
    static let otherKinds = [".bin", ".pb", ".db", ".gz", ".pem", ".key", ".txt", ".json", ".corpus"]

    @Test func treeIsTidy() throws {
        var violations: [String] = []
        var count = 0
        for place in Self.places {
            for path in try Repository.files(below: place) where !Self.otherKinds.contains(where: path.hasSuffix) {
                violations += TidyChecker.violations(path: path, text: try Repository.text(path))
                count += 1
            }
        }
        #expect(violations == [])
        #expect(count > 20)
    }
}
