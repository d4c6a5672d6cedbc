// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletEtcdPeers
import MartletProcesses
import MartletTestPrograms
import Testing

/// `martlet check` on folders of the real server, sound and damaged.
@Suite(.timeLimit(.minutes(30))) struct CheckCommandTests {
    private static let first = Array("the-first-value-\(String(repeating: "f", count: 200))".utf8)
    private static let last = Array("the-last-value-\(String(repeating: "l", count: 6000))".utf8)
    private static let listen = "--listen-client-urls=http://127.0.0.1:0"

    /// A folder as a server leaves it that was killed, its first values checkpointed and its last one perhaps not.
    private func killed(_ body: (_ folder: TemporaryFolder, _ data: String) async throws -> Void) async throws {
        let folder = try TemporaryFolder()
        let data = folder.file("data")
        try await RunningServer.with([Self.listen, "--data-dir", data], in: folder) { server in
            for number in 0..<4 { try await put("k\(number)", Self.first, server) }
            let isCheckpointed = try await eventually { try await checkpointedKeys(data, in: folder) == 4 }
            #expect(isCheckpointed)
            try await put("k4", Self.last, server)
            await server.kill()
        }
        try await body(folder, data)
    }

    /// How many keys the last checkpoint holds that is whole. Its pages lie in the file before it counts; so a copy is
    /// looked at, as one of a file that is being written may be damaged, and is then looked at again.
    private func checkpointedKeys(_ data: String, in folder: TemporaryFolder) async throws -> Int64? {
        let copy = folder.file("copy-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(atPath: copy) }
        guard (try? FileManager.default.copyItem(atPath: data, toPath: copy)) != nil else { return nil }
        let found = try await check(copy, "--json")
        guard found.isSuccess else { return nil }
        return (try object(Array(found.output.utf8))["state"] as? [String: Any]).map { number($0["keyCount"]) }
    }

    private func put(_ key: String, _ value: [UInt8], _ server: RunningServer) async throws {
        let body =
            #"{"key": "\#(Data(key.utf8).base64EncodedString())", "#
            + #""value": "\#(Data(value).base64EncodedString())"}"#
        try await output(of: "curl", ["-sSf", "-d", body, "http://\(server.address)/v3/kv/put"])
    }

    private func check(_ data: String, _ more: String...) async throws -> FinishedProgram {
        try await run(BuiltBinary.path, ["check", data] + more)
    }

    /// What the server says when it is started there; it must end.
    private func refusal(_ data: String) async throws -> String {
        let ended = try await run(BuiltBinary.path, ["server", Self.listen, "--data-dir", data])
        #expect(ended.exit == .code(1), "\(ended.output.suffix(2000))")
        return ended.output
    }

    private func bytes(of path: String) throws -> Data { try Data(contentsOf: URL(filePath: path)) }

    private func change(_ path: String, _ body: (inout Data) throws -> Void) throws {
        var bytes = try bytes(of: path)
        try body(&bytes)
        try bytes.write(to: URL(filePath: path))
    }

    private func segment(_ data: String) throws -> String {
        let names = try FileManager.default.contentsOfDirectory(atPath: data + "/member/wal")
        return data + "/member/wal/" + (try #require(names.filter { $0.hasSuffix(".wal") }.max()))
    }

    /// All files with their content.
    private func contents(_ data: String) throws -> [String: Data] {
        var contents: [String: Data] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: data) {
            contents[name] = FileManager.default.contents(atPath: "\(data)/\(name)") ?? Data()
        }
        return contents
    }

    @Test func afterAKillAllIsSound() async throws {
        try await killed { _, data in
            let before = try contents(data)
            let found = try await check(data)
            #expect(found.isSuccess, "\(found.output)")
            #expect(found.output.hasPrefix("\(data) is sound\n"))
            #expect(try contents(data) == before)
            let json = try object(Array(try await check(data, "--json").output.utf8))
            #expect(json["verdict"] as? String == "sound")
            #expect(number((json["log"] as? [String: Any])?["lastIndex"]) >= 5)
            #expect(number((json["state"] as? [String: Any])?["keyCount"]) >= 4)
            #expect((json["findings"] as? [Any])?.isEmpty == true)
        }
    }

    /// As `killed`, and the last value is in the log alone: a busy machine may come to checkpoint it before the kill.
    private func killedEarly(
        _ body: (_ folder: TemporaryFolder, _ data: String) async throws -> Void
    ) async throws {
        var isEarly = false
        for _ in 0..<20 where !isEarly {
            try await killed { folder, data in
                isEarly = try await checkpointedKeys(data, in: folder) == 4
                if isEarly { try await body(folder, data) }
            }
        }
        #expect(isEarly)
    }

    @Test func aTornTailIsSoundAndSaid() async throws {
        try await killedEarly { folder, data in
            let file = try segment(data)
            try change(file) { bytes in
                // What a machine loses that fails while it writes: some sectors of the last write.
                let place = try #require(bytes.range(of: Data(Self.last))).lowerBound
                let sector = (place / 512 + 2) * 512
                bytes.resetBytes(in: sector..<bytes.count)
            }
            let found = try await check(data)
            #expect(found.isSuccess, "\(found.output)")
            #expect(found.output.contains("  note     \(file), byte "))
            #expect(found.output.contains("the last write was cut short and never acknowledged"))
            try await RunningServer.with([Self.listen, "--data-dir", data], in: folder) { server in
                #expect(server.log.contains("the log's last write was torn"))
            }
        }
    }

    @Test func aFlippedByteOfTheLogIsNamed() async throws {
        try await killed { _, data in
            let file = try segment(data)
            try change(file) { bytes in
                let place = try #require(bytes.range(of: Data(Self.first))).lowerBound
                bytes[place + 3] ^= 4
            }
            let found = try await check(data)
            #expect(found.exit == .code(1))
            #expect(found.output.hasPrefix("\(data) is damaged\n"))
            #expect(found.output.contains("  damage   \(file), byte "))
            #expect(found.output.contains("a record does not match its checksum"))
            let refusal = try await refusal(data)
            #expect(refusal.contains((file as NSString).lastPathComponent))
            #expect(refusal.contains("martlet check"))
        }
    }

    @Test func aFlippedByteOfAValueIsNamed() async throws {
        try await killed { _, data in
            let file = data + "/member/tables/db"
            try change(file) { bytes in
                // Pages that are free may hold it, too.
                while let place = bytes.range(of: Data(Self.first)) { bytes[place.lowerBound + 3] ^= 4 }
            }
            let found = try await check(data)
            #expect(found.exit == .code(1))
            #expect(found.output.contains("  damage   \(file): the value of table 4, key "), "\(found.output)")
            let refusal = try await refusal(data)
            #expect(refusal.contains(file))
            #expect(refusal.contains("martlet check"))
        }
    }

    /// LMDB maps the file: what isn't there ends the process that looks at it.
    @Test func aShortFileEndsOnlyTheExaminer() async throws {
        try await killed { _, data in
            let file = data + "/member/tables/db"
            try change(file) { $0.removeLast($0.count - 8192) }
            let before = try contents(data)
            let found = try await check(data)
            #expect(found.exit == .code(1))
            #expect(found.output.contains("  damage   \(file): "), "\(found.output)")
            #expect(found.output.contains("SIGBUS"))
            #expect(found.output.contains("  log      "))
            #expect(try contents(data) == before)
            let refusal = try await refusal(data)
            #expect(refusal.contains(file))
            #expect(refusal.contains("martlet check"))
        }
    }

    @Test func aFolderWithoutItsLogIsDamaged() async throws {
        try await killed { _, data in
            try FileManager.default.removeItem(atPath: try segment(data))
            let found = try await check(data)
            #expect(found.exit == .code(1))
            #expect(found.output.contains("there is no segment"))
        }
    }

    @Test func aFolderInUseIsLeftAlone() async throws {
        let folder = try TemporaryFolder()
        try await RunningServer.with([Self.listen, "--data-dir", folder.file("data")], in: folder) { _ in
            let found = try await check(folder.file("data"))
            #expect(found.exit == .code(2))
            #expect(found.output.contains("a server uses it"))
        }
    }

    @Test func otherFoldersAreNotExamined() async throws {
        let folder = try TemporaryFolder()
        let missing = try await check(folder.file("missing"))
        #expect(missing.exit == .code(2))
        #expect(missing.output.contains("there is no such folder"))
        let other = try await check(folder.path)
        #expect(other.exit == .code(2))
        #expect(other.output.contains("this is no data folder"))

        guard let release = try EtcdRelease.v35.find() else { return }
        try await EtcdMember.with(release, folder: folder.file("etcd"), peerPort: try freePort()) { etcd in
            _ = try await etcd.control("put", "a", "b")
        }
        let foreign = try await check(folder.file("etcd"), "--json")
        #expect(foreign.exit == .code(2))
        let json = try object(Array(foreign.output.utf8))
        #expect(json["verdict"] as? String == "unexamined")
        #expect(foreign.output.contains("an etcd member"))
    }
}
