// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletBasics
import MartletDiskLoss
import MartletProcesses
import MartletStorage
import MartletTestPrograms
import Synchronization
import Testing

/// The checkpoint's tables alone, written by a process whose machine loses its power: their file is written behind an
/// open synced file, through which LMDB writes its root, which only shows when syncs are told apart.
@Suite(.enabled(if: DiskLossLibrary.isSupported, "the disk-loss library needs Linux with glibc"), .serialized)
struct TablesCrashTests {
    private static let table = TableID(7)
    private let folder: TemporaryFolder
    private let library: DiskLossLibrary

    init() async throws {
        folder = try TemporaryFolder()
        library = try await DiskLossLibrary(in: folder.path)
    }

    @Test func transactionsAreWholeAndStay() async throws {
        var random = SeededRandom(seed: seed())
        var losses = 0
        for round in 0..<20 {
            let (report, violation) = try await crash(round, random.split())
            #expect(violation == nil, "round \(round), \(report)")
            if report.lostSomething { losses += 1 }
        }
        #expect(losses > 3)
    }

    @Test(arguments: [DiskLossLibrary.Fault.noSync, .lateSync])
    func missingSyncsAreFound(_ fault: DiskLossLibrary.Fault) async throws {
        var random = SeededRandom(seed: seed())
        var violation: String?
        var round = 0
        while violation == nil, round < 20 {
            (_, violation) = try await crash(round, random.split(), fault)
            round += 1
        }
        #expect(violation != nil)
    }

    /// Lets the child write, kills it with its machine, and says what is wrong with what is left.
    private func crash(
        _ round: Int, _ seed: SeededRandom, _ fault: DiskLossLibrary.Fault? = nil
    ) async throws -> (DiskLoss.Report, String?) {
        var random = seed
        let root = folder.file("disk\(round)")
        let journal = folder.file("journal\(round)")
        for path in [root, journal] {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        }
        let path = "\(root)/tables"
        try Tables(path: path, tables: [Self.table]).close()

        let said = Mutex<UInt64>(0)
        let (exits, sink) = AsyncStream.makeStream(of: ChildProcess.Exit.self)
        let program = URL(filePath: BuiltBinary.path).deletingLastPathComponent().appending(path: "MartletTablesChild")
        let child = try ChildProcess.start(
            program.path, ["commit", path],
            environment: ProcessInfo.processInfo.environment.merging(
                library.environment(root: root, journal: journal, fault: fault)
            ) { $1 },
            errorFile: folder.file("log"), onLine: { line in said.withLock { $0 = UInt64(line) ?? $0 } },
            onExit: { sink.yield($0) })
        while said.withLock({ $0 }) < 3, !child.hasEnded { try await Task.sleep(for: .milliseconds(1)) }
        try await Task.sleep(for: .microseconds(Int.random(in: 0..<30_000, using: &random)))
        child.send(SIGKILL)
        let exit = await exits.first { _ in true }
        #expect(exit == .signal(SIGKILL))

        let style = DiskLoss.Style.allCases.filter { $0 != .nothing }.randomElement(using: &random) ?? .everything
        let report = try DiskLoss.strike(root: root, journal: journal, style: style, random: random)
        do {
            return (report, try violation(path, said: said.withLock { $0 }))
        } catch {
            return (report, "\(error)")
        }
    }

    private func violation(_ path: String, said: UInt64) throws -> String? {
        let tables = try Tables(path: path, tables: [Self.table])
        defer { tables.close() }
        var numbers: [UInt64] = []
        var values: Set<[UInt8]> = []
        try tables.read(until: nil) { reader in
            try reader.forEach(in: Self.table) { key, value in
                if key.object == 1000 {
                    numbers.append(key.id)
                } else {
                    values.insert([UInt8](copying: value))
                }
                return true
            }
        }
        let last = numbers.max() ?? 0
        if numbers.sorted() != Array(1..<(last + 1)) { return "transactions have gaps: \(numbers)" }
        if last < said { return "transaction \(said) was committed, the last one there is \(last)" }
        if values != [[UInt8](repeating: UInt8(truncatingIfNeeded: last), count: 300)] {
            return "the last transaction is not whole"
        }
        return nil
    }
}
