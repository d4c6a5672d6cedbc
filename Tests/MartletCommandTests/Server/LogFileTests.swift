// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletCommand
import MartletTestPrograms
import Testing

@Suite struct LogFileTests {
    private func names(_ folder: TemporaryFolder) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    }

    @Test func appends() throws {
        let folder = try TemporaryFolder()
        for line in ["a\n", "b\n"] { try LogFile(path: folder.file("x.log")).write(line) }
        #expect(try String(contentsOfFile: folder.file("x.log"), encoding: .utf8) == "a\nb\n")
    }

    @Test func beginsAnew() async throws {
        let folder = try TemporaryFolder()
        var rotation = LogRotation()
        rotation.maxbackups = 2
        // Another's: they only look like ours.
        for name in ["x-old.log", "x-2026-01-31.log"] {
            try "".write(toFile: folder.file(name), atomically: true, encoding: .utf8)
        }
        let file = try LogFile(path: folder.file("x.log"), rotation: rotation, maximumBytes: 10)
        for number in 0..<6 {
            file.write("line \(number)\n")
            // Names of old files differ by milliseconds.
            try await Task.sleep(for: .milliseconds(3))
        }
        let old = try names(folder).filter { $0.hasPrefix("x-2") && $0 != "x-2026-01-31.log" }
        #expect(old.count == 2)
        #expect(try names(folder).contains("x-old.log"))
        #expect(try names(folder).contains("x-2026-01-31.log"))
        let texts = try (old.sorted() + ["x.log"]).map { try String(contentsOfFile: folder.file($0), encoding: .utf8) }
        #expect(texts == ["line 3\n", "line 4\n", "line 5\n"])
    }

    @Test func goesOnWhereItCannotBeRenamed() throws {
        let folder = try TemporaryFolder()
        let file = try LogFile(path: folder.file("x.log"), rotation: LogRotation(), maximumBytes: 4)
        file.write("one\n")
        try FileManager.default.removeItem(atPath: folder.file("x.log"))
        file.write("two\n")
        #expect(try names(folder).isEmpty)
    }

    @Test func saysWhyItCannotBeOpened() {
        #expect {
            _ = try LogFile(path: "/nowhere/x.log")
        } throws: { "\($0)" == "open /nowhere/x.log: no such file or directory" }
    }
}
