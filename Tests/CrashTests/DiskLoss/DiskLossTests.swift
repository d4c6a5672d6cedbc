// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletBasics
import MartletDiskLoss
import MartletProcesses
import MartletTestPrograms
import Testing

/// The library under small programs, each of which kills itself.
@Suite(.enabled(if: DiskLossLibrary.isSupported, "the disk-loss library needs Linux with glibc"), .serialized)
struct DiskLossTests {
    private let folder: TemporaryFolder
    private let library: DiskLossLibrary
    private let writer: String
    private var root: String { folder.file("disk") }

    init() async throws {
        folder = try TemporaryFolder()
        library = try await DiskLossLibrary(in: folder.path)
        writer = try await DiskLossLibrary.buildWriter(in: folder.path)
        for name in ["disk", "journal"] {
            try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: false)
        }
    }

    /// Runs the steps until the process has killed itself. `@` stands for the folder.
    private func run(_ steps: String..., fault: DiskLossLibrary.Fault? = nil) async throws {
        let environment = library.environment(root: root, journal: folder.file("journal"), fault: fault)
        let ended = try await EndedProcess(
            writer, steps.map { $0.replacing("@", with: root + "/") }, environment: environment,
            errorFile: folder.file("log"))
        #expect(ended.exit == .signal(9), "\(ended.log)")
    }

    @discardableResult
    private func strike(_ style: DiskLoss.Style, seed: UInt64 = 1) throws -> DiskLoss.Report {
        let report = try DiskLoss.strike(
            root: root, journal: folder.file("journal"), style: style, random: SeededRandom(seed: seed))
        #expect(try names(in: folder.file("journal")).isEmpty)
        return report
    }

    private func names(in path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    }

    /// The file's runs of equal bytes, as `3a2b`; zero bytes are dots.
    private func text(_ name: String) throws -> String {
        var runs: [(byte: UInt8, count: Int)] = []
        for byte in try Data(contentsOf: URL(filePath: "\(root)/\(name)")) {
            if runs.last?.byte == byte { runs[runs.count - 1].count += 1 } else { runs.append((byte, 1)) }
        }
        return runs.map { "\($0.count)\($0.byte == 0 ? "." : String(UnicodeScalar($0.byte)))" }.joined()
    }

    @Test func whatWasNotSyncedGoes() async throws {
        try await run("open:@f", "syncfolder:@", "at:@f:0:1000:a", "sync:@f", "at:@f:500:1000:b", "at:@f:0:10:c", "die")
        #expect(try text("f") == "10c490a1000b")
        let report = try strike(.everything)
        #expect(try text("f") == "1000a")
        #expect(report.uncoveredWrites == 2)
        #expect(report.lostWrites == 2)
    }

    @Test func whatWasSyncedStays() async throws {
        try await run("open:@f", "add:@f:1001:a", "add:@f:9:b", "sync:@f", "syncfolder:@", "die")
        for style in DiskLoss.Style.allCases {
            let report = try strike(style)
            #expect(try text("f") == "1001a9b")
            #expect(!report.lostSomething)
        }
    }

    @Test func aKillAloneLosesNothing() async throws {
        try await run("open:@f", "add:@f:1000:a", "die")
        #expect(try strike(.nothing).uncoveredWrites == 1)
        #expect(try text("f") == "1000a")
    }

    @Test func writesAreTornAtSectors() async throws {
        var found: Set<String> = []
        for seed in 0..<40 as Range<UInt64> {
            try await run(
                "empty:@f", "at:@f:0:2048:a", "sync:@f", "syncfolder:@", "at:@f:256:1024:b", "at:@f:1024:512:c", "die")
            #expect(try text("f") == "256a768b512c512a")
            try strike(.scatteredSectors, seed: seed)
            found.insert(try text("f"))
        }
        // Three sectors: the first and the second are whole or not; the third holds any of three versions.
        let first = ["256a256b", "512a"]
        let second = ["512b", "512a"]
        let third = ["256b256a", "512c", "512a"]
        var possible: Set<String> = []
        for left in first {
            for middle in second {
                for right in third { possible.insert(Self.joined(left + middle + right + "512a")) }
            }
        }
        #expect(found.isSubset(of: possible), "\(found.subtracting(possible))")
        #expect(found.count >= 9)
    }

    /// Adds up neighbouring runs of one letter.
    private static func joined(_ text: String) -> String {
        var runs: [(letter: Character, count: Int)] = []
        for run in text.matches(of: /(\d+)([a-z.])/) {
            let letter = run.2.first ?? " "
            let count = Int(run.1) ?? 0
            if runs.last?.letter == letter { runs[runs.count - 1].count += count } else { runs.append((letter, count)) }
        }
        return runs.map { "\($0.count)\($0.letter)" }.joined()
    }

    @Test func aMomentCutsTheOrder() async throws {
        var found: Set<String> = []
        for seed in 0..<30 as Range<UInt64> {
            try await run(
                "empty:@f", "sync:@f", "syncfolder:@", "at:@f:0:512:a", "at:@f:512:512:b", "at:@f:1024:512:c", "die")
            try strike(.fromAMomentOn, seed: seed)
            found.insert(try text("f"))
        }
        // A size without its bytes is zeroes.
        #expect(found.isSubset(of: ["", "512.", "512a", "512a512.", "512a512b", "512a512b512.", "512a512b512c"]))
        #expect(found.isSuperset(of: ["", "512a", "512a512b"]))
    }

    @Test func writesThatSyncThemselvesStay() async throws {
        try await run(
            "open:@g", "at:@g:0:1024:a", "sync:@g", "syncfolder:@", "opensync:@f", "syncfolder:@", "at:@f:0:600:b",
            "at:@g:0:512:d", "die")
        let report = try strike(.everything)
        #expect(try text("f") == "600b")
        #expect(try text("g") == "1024a")
        #expect(report.lostWrites == 1)
    }

    @Test func sizesComeBack() async throws {
        try await run(
            "open:@f", "open:@g", "open:@h", "at:@f:0:1000:a", "at:@h:0:700:h", "sync:@f", "sync:@h", "sync:@g",
            "syncfolder:@", "size:@f:100", "reserve:@g:4096", "at:@g:0:4096:b", "empty:@h", "at:@h:0:20:i", "die")
        #expect(try text("f") == "100a")
        #expect(try text("g") == "4096b")
        #expect(try text("h") == "20i")
        try strike(.everything)
        #expect(try text("f") == "1000a")
        #expect(try text("g") == "")
        #expect(try text("h") == "700h")
    }

    @Test func entriesComeBack() async throws {
        try await run(
            "open:@a", "at:@a:0:10:a", "sync:@a", "open:@b", "at:@b:0:10:b", "sync:@b", "mkdir:@old", "syncfolder:@",
            "rename:@a:@b", "open:@c", "unlink:@b", "mkdir:@d", "open:@d/x", "syncfolder:@d", "rmdir:@old",
            "rename:@d:@e", "die")
        #expect(try names(in: root) == ["c", "e"])
        let report = try strike(.everything)
        #expect(report.lostEntries == 6)
        #expect(try names(in: root) == ["a", "b", "old"])
        #expect(try text("a") == "10a")
        #expect(try text("b") == "10b")
    }

    @Test func syncedEntriesStay() async throws {
        try await run(
            "mkdir:@d", "syncfolder:@", "open:@d/1.tmp", "at:@d/1.tmp:0:10:a", "sync:@d/1.tmp",
            "rename:@d/1.tmp:@d/1", "syncfolder:@d", "rename:@d/1:@d/2", "die")
        #expect(try strike(.everything).lostEntries == 1)
        #expect(try names(in: root + "/d") == ["1"])
        #expect(try text("d/1") == "10a")
    }

    @Test func entriesThatStayKeepWhatTheyBuildOn() async throws {
        var found: Set<[String]> = []
        for seed in 0..<60 as Range<UInt64> {
            for name in try names(in: root) { try FileManager.default.removeItem(atPath: "\(root)/\(name)") }
            try await run("open:@a", "rename:@a:@b", "rename:@b:@c", "open:@z", "die")
            try strike(seed % 2 == 0 ? .scatteredWrites : .fromAMomentOn, seed: seed)
            found.insert(try names(in: root))
        }
        #expect(found == [[], ["a"], ["b"], ["c"], ["a", "z"], ["b", "z"], ["c", "z"], ["z"]])
    }

    /// A process that starts again before the power fails has read what was never on disk.
    @Test func aJournalGoesOn() async throws {
        try await run("open:@f", "syncfolder:@", "at:@f:0:512:a", "die")
        try await run("open:@f", "at:@f:512:512:b", "die")
        #expect(try strike(.everything).uncoveredWrites == 2)
        #expect(try text("f") == "")
        try await run("open:@f", "at:@f:0:512:a", "die")
        try await run("open:@f", "sync:@f", "at:@f:512:512:b", "die")
        try strike(.everything)
        #expect(try text("f") == "512a")
    }

    @Test func syncsCanLie() async throws {
        try await run("open:@f", "syncfolder:@", "at:@f:0:512:a", "sync:@f", "die", fault: .noSync)
        try strike(.everything)
        #expect(try names(in: root) == [])
        // These are done 20 ms after they reported; the last write is only there to tell the time.
        try await run("open:@f", "syncfolder:@", "at:@f:0:512:a", "sync:@f", "at:@f:512:1:b", "die", fault: .lateSync)
        try strike(.everything)
        #expect(try names(in: root) == [])
        try await run(
            "open:@f", "syncfolder:@", "at:@f:0:512:a", "sync:@f", "wait:30", "at:@f:512:1:b", "die", fault: .lateSync)
        try strike(.everything)
        #expect(try text("f") == "512a")
    }

    @Test func processesDieBetweenCalls() async throws {
        // Creation, the beginning and the end of the folder's sync, the first write, which is not made.
        try DiskLossLibrary.die(after: 4, journal: folder.file("journal"))
        try await run("open:@f", "syncfolder:@", "at:@f:0:512:a", "sync:@f")
        #expect(try text("f") == "")
        // The next one gets as far as its sync, and not through it.
        try DiskLossLibrary.die(after: 2, journal: folder.file("journal"))
        try await run("open:@f", "at:@f:0:512:a", "sync:@f")
        #expect(try text("f") == "512a")
        #expect(try strike(.everything).uncoveredWrites == 2)
        #expect(try text("f") == "")
        try DiskLossLibrary.die(after: 3, journal: folder.file("journal"))
        try await run("open:@f", "at:@f:0:512:a", "sync:@f")
        #expect(try strike(.everything).uncoveredWrites == 0)
        #expect(try text("f") == "512a")
    }

    @Test func aFullDiskLetsNothingGrow() async throws {
        try await run("open:@f", "syncfolder:@", "at:@f:0:512:a", "sync:@f", "die")
        try DiskLossLibrary.setFull(true, journal: folder.file("journal"))
        try await run("open:@f", "at:@f:0:512:b", "sync:@f", "die")
        // A call that fails ends the writer before it comes to its death.
        let refused = try await EndedProcess(
            writer, ["open:\(root)/f", "at:\(root)/f:512:1:c", "die"],
            environment: library.environment(root: root, journal: folder.file("journal")),
            errorFile: folder.file("log"))
        #expect(refused.exit != .signal(9))
        #expect(try text("f") == "512b")
        try DiskLossLibrary.setFull(false, journal: folder.file("journal"))
        try await run("open:@f", "at:@f:512:1:c", "sync:@f", "die")
        #expect(try text("f") == "512b1c")
    }

    @Test func threadsShareTheJournal() async throws {
        try await run("open:@f", "syncfolder:@", "sync:@f", "die")
        for seed in 0..<4 as Range<UInt64> {
            try await run("parallel:@f")
            try strike(.scatteredSectors, seed: seed)
            // Every sector is whole: all of one letter.
            let bytes = try Data(contentsOf: URL(filePath: "\(root)/f"))
            #expect(bytes.count == 2048)
            for start in stride(from: 0, to: bytes.count, by: 512) {
                #expect(Set(bytes[start..<min(start + 512, bytes.count)]).count == 1)
            }
        }
    }
}
