// SPDX-License-Identifier: Apache-2.0

import Testing

@Suite struct RingTests {
    let checker = RingChecker(table: ringTable)

    @Test func tablePointsInward() {
        #expect(checker.tableViolations() == [])
    }

    @Test func manifestPointsInward() throws {
        #expect(checker.manifestViolations(Manifest(text: try Repository.text("Package.swift"))) == [])
    }

    @Test func sourcesPointInwardAndCoresArePure() throws {
        var violations: [String] = []
        var count = 0
        for path in try Repository.files(below: "Sources") where path.hasSuffix(".swift") {
            let folder = path.split(separator: "/")[1]
            violations += checker.sourceViolations(
                path: path, folder: String(folder), text: try Repository.text(path))
            count += 1
        }
        #expect(violations == [])
        #expect(count > 0)
    }
}
