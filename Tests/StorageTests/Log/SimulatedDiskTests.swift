// SPDX-License-Identifier: Apache-2.0

import MartletSimulatedDisk
import MartletStorage
import Testing

@Suite struct SimulatedDiskTests {
    private func ones(_ count: Int) -> [UInt8] { [UInt8](repeating: 1, count: count) }

    @Test func onlyWhatIsSyncedSurvives() throws {
        let disk = SimulatedDisk(seed: 1)
        let file = try disk.create("a")
        try file.write(ones(1024).span.bytes, at: 0)
        try file.sync()
        disk.restart(losing: .everything)
        #expect(try disk.exists("a") == false)

        let second = try disk.create("a")
        try second.write(ones(1024).span.bytes, at: 0)
        try second.sync()
        try disk.syncFolder("/")
        try second.write([2, 2].span.bytes, at: 511)
        try second.truncate(to: 700)
        #expect(try second.readAll().count == 700)
        disk.restart(losing: .everything)
        #expect(disk.content(of: "a") == ones(1024))
        #expect(failure { _ = try second.readAll() } != nil)
    }

    @Test func aProcessThatEndsLosesNothing() throws {
        let disk = SimulatedDisk(seed: 1)
        let file = try disk.create("a")
        try file.write(ones(600).span.bytes, at: 100)
        disk.restart(losing: .nothing)
        #expect(disk.content(of: "a") == [UInt8](repeating: 0, count: 100) + ones(600))
    }

    @Test func aCrashTearsAtSectors() throws {
        var shares: Set<[Bool]> = []
        for seed in 0..<64 as Range<UInt64> {
            let disk = SimulatedDisk(seed: seed)
            let file = try disk.create("a")
            try file.preallocate(2048)
            try file.sync()
            try disk.syncFolder("/")
            try file.write(ones(1024).span.bytes, at: 256)
            disk.restart(losing: .random)
            let content = try #require(disk.content(of: "a"))
            let parts = [256..<512, 512..<1024, 1024..<1280].map { Set(content[$0]) }
            #expect(parts.allSatisfy { $0.count == 1 })
            shares.insert(parts.map { $0 == [1] })
        }
        #expect(shares.count == 8)
    }

    @Test func aRenameHappensAsAWhole() throws {
        var seen: Set<[String]> = []
        for seed in 0..<32 as Range<UInt64> {
            let disk = SimulatedDisk(seed: seed)
            _ = try disk.create("a")
            try disk.syncFolder("/")
            try disk.rename("a", to: "b")
            disk.restart(losing: .random)
            seen.insert(try disk.names(in: "/"))
        }
        #expect(seen == [["a"], ["b"]])
    }

    @Test func aFullDiskSaysSo() throws {
        let disk = SimulatedDisk(seed: 1)
        disk.capacity = 1000
        let file = try disk.create("a")
        try file.write(ones(600).span.bytes, at: 0)
        #expect(failure { try file.write(ones(600).span.bytes, at: 500) }?.code == .noSpace)
        #expect(failure { try file.preallocate(1001) }?.code == .noSpace)
        try file.write(ones(500).span.bytes, at: 500)
    }

    @Test func aFailedSyncDropsWhatItHad() throws {
        let disk = SimulatedDisk(seed: 1)
        let file = try disk.create("a")
        try disk.syncFolder("/")
        try file.write(ones(10).span.bytes, at: 0)
        disk.fail(.sync)
        #expect(failure { try file.sync() }?.code == .inputOutput)
        #expect(disk.content(of: "a") == ones(10))
        disk.restart(losing: .everything)
        #expect(disk.content(of: "a") == [])
    }

    @Test func thePowerGoesAtAnOperation() throws {
        let disk = SimulatedDisk(seed: 1)
        disk.crash(atOperation: 2)
        let file = try disk.create("a")
        #expect(failure { try file.write(ones(10).span.bytes, at: 0) } != nil)
        #expect(disk.isDown)
        #expect(failure { _ = try disk.exists("a") } != nil)
        disk.restart(losing: .nothing)
        #expect(try disk.exists("a"))
    }

    @Test func theSameSeedGivesTheSameDisk() throws {
        func run() throws -> [UInt8]? {
            let disk = SimulatedDisk(seed: 5)
            let file = try disk.create("a")
            try disk.syncFolder("/")
            for place in 0..<20 { try file.write(ones(700).span.bytes, at: place * 600) }
            disk.restart(losing: .random)
            return disk.content(of: "a")
        }
        #expect(try run() == run())
    }
}
