// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletNode
import MartletStorage
import MartletTestPrograms
import NIOCore
import NIOPosix
import Testing

@Suite struct CheckpointWriterTests {
    private static let table = TableID(7)

    private func tables(_ path: String, first: UInt8) throws -> Tables {
        let tables = try Tables(path: path, tables: [Self.table])
        var batch = TableBatch()
        for number in 0..<5000 as Range<UInt64> {
            batch.put(TableKey(Self.table, object: 1, id: number)) {
                $0 += [first] + [UInt8](repeating: 5, count: 1000)
            }
        }
        try tables.write(batch)
        return tables
    }

    /// A state that arrives while the file is being rewritten waits for its turn, and is there in the end.
    @Test func anArrivedStateWaitsForARewrite() async throws {
        let folder = try TemporaryFolder()
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let mailbox = MemberMailbox(eventLoop: loop) {}
        let own = try tables(folder.path + "/own", first: 0)
        let writer = CheckpointWriter(tables: own, mailbox: mailbox)
        for round in 1...3 as ClosedRange<UInt8> {
            let other = folder.path + "/other"
            try tables(other, first: round).close()
            async let rewritten: TablesError? = withCheckedContinuation { continuation in
                writer.rewrite { continuation.resume(returning: $0) }
            }
            writer.install(other)
            #expect(await rewritten == nil)
            var installation: Result<Void, TablesError>?
            while installation == nil {
                installation = mailbox.take().installation
                try await Task.sleep(for: .milliseconds(2))
            }
            try installation?.get()
            let value = try own.read(until: nil) {
                try $0.value(of: TableKey(Self.table, object: 1, id: 4999))
            }
            #expect(value?.first == round)
        }
    }
}
