// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletStorage
import MartletTestPrograms
import MartletWALCodec
import Testing

/// The logs of a real etcd that was killed: we read them, would write the same bytes, and it reads what we append.
@Suite(.enabled(if: EtcdProcess.binary != nil && EtcdProcess.control != nil, "no etcd on this machine"), .serialized)
struct EtcdLogTests {
    private func folder(_ place: TemporaryFolder) -> LogFolder {
        LogFolder(files: PosixFileSystem(), path: "\(place.path)/data/member/wal")
    }

    private func contains(_ entry: WALEntry, _ text: String) -> Bool {
        let wanted = Array(text.utf8)
        guard entry.data.count >= wanted.count else { return false }
        return (0...entry.data.count - wanted.count).contains { entry.data[$0...].starts(with: wanted) }
    }

    @Test func readsARealLogAndWritesTheSameBytes() async throws {
        let place = try TemporaryFolder()
        let etcd = try await EtcdProcess.start(in: place.path)
        for number in 0..<8 { try await etcd.put("key-\(number)", String(repeating: "v", count: number * 150)) }
        try await etcd.end()

        let reading = try folder(place).read()
        let recovery = reading.recovery
        #expect(reading.torn == nil)
        #expect(recovery.entries.map(\.index.rawValue) == Array(1...recovery.lastIndex.rawValue))
        #expect(recovery.entries.first?.kind == .configurationChange)
        for number in 0..<8 { #expect(recovery.entries.contains { contains($0, "key-\(number)") }) }
        let ownBytes = try #require(recovery.metadata)
        let metadata = try #require(WALMetadata(ownBytes))
        let state = try #require(recovery.hardState)
        #expect(state.vote == metadata.memberID && state.term == recovery.entries.last?.term)
        #expect(state.commit.rawValue >= recovery.lastIndex.rawValue - 1)
        #expect(metadata.encoded == ownBytes)

        let name = reading.segments[0]
        let bytes = try PosixFileSystem().open("\(folder(place).path)/\(name)").readAll()
        var decoder = WALDecoder(name, bytes: bytes, chain: 0, isLast: true)
        var encoder = WALEncoder()
        var count = 0
        while case .record(let record) = try decoder.next() {
            count += 1
            var data = LogBytes()
            switch record.type {
            case .checksum:
                encoder.appendChain()
                continue
            case .metadata: data.append(try #require(WALMetadata(Array(bytes[record.data]))).encoded)
            case .entry:
                let entry = try #require(WALEntry(bytes, record.data))
                data.append(entry: entry.index, entry.term, entry.kind, entry.data.span.bytes)
            case .state: data.append(try #require(WALHardState(bytes, record.data)))
            case .snapshot: data.append(try #require(WALSnapshot(bytes, record.data)))
            }
            data.withSpan { encoder.append(record.type, $0) }
        }
        #expect(count > 20)
        #expect(encoder.bytes.array == Array(bytes[..<decoder.offset]))
        #expect(encoder.chain == reading.chain)
    }

    /// Barriers and all: to etcd they are checksums.
    @Test func etcdReadsWhatWeAppend() async throws {
        let place = try TemporaryFolder()
        var etcd = try await EtcdProcess.start(in: place.path)
        try await etcd.put("before", "1")
        try await etcd.end()

        var opened = try folder(place).open(source: LogFolder.inline)
        let last = opened.recovery.lastIndex.rawValue
        var state = try #require(opened.recovery.hardState)
        let term = state.term
        for index in last + 1...last + 5 {
            state.commit = LogIndex(index - 1)
            var batch = LogBatch()
            batch.append(entry: LogIndex(index), term: term, data: [UInt8]().span.bytes)
            batch.append(state, mustSync: false)
            try opened.appender.append(batch)
        }
        try opened.appender.close()

        etcd = try await EtcdProcess.start(in: place.path)
        #expect(try await etcd.control("get", "before", "--print-value-only") == "1\n")
        try await etcd.put("after", "2")
        try await etcd.end()
        let recovery = try folder(place).read().recovery
        let ours = recovery.entries.filter { $0.index.rawValue > last && $0.index.rawValue <= last + 5 }
        #expect(ours.map(\.term) == Array(repeating: term, count: 5) && ours.allSatisfy { $0.data.isEmpty })
        #expect(recovery.entries.contains { $0.index.rawValue > last + 5 && contains($0, "after") })
    }
}
