// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletRESPCodec

extension ReplyWriter {
    /// An answer of the key-value store: see `CommandEntry.keyValues`.
    ///
    /// One of more than `answerBytesMax` is an error; what was asked is done all the same.
    mutating func write(_ response: TxnResponse.Operation) {
        if isForNobody { return }
        if response.byteCount > Self.answerBytesMax {
            return error("ERR the answer is longer than 64 MiB; what is to be changed is changed")
        }
        writeWhole(response)
    }

    /// Answers lie in memory whole.
    private static let answerBytesMax = 64 << 20

    private mutating func writeWhole(_ response: TxnResponse.Operation) {
        switch response {
        case .put(let response):
            map(response.previous == nil ? 1 : 2)
            revision(response.revision)
            guard let previous = response.previous else { return }
            bulk("prev_kv")
            write(previous)
        case .range(let response):
            map(4)
            revision(response.revision)
            bulk("count")
            integer(response.count)
            bulk("more")
            boolean(response.more)
            bulk("kvs")
            write(response.records)
        case .deleteRange(let response):
            map(response.previous.isEmpty ? 2 : 3)
            revision(response.revision)
            bulk("deleted")
            integer(response.deleted)
            if response.previous.isEmpty { return }
            bulk("prev_kvs")
            write(response.previous)
        case .txn(let response):
            map(3)
            revision(response.revision)
            bulk("succeeded")
            boolean(response.succeeded)
            bulk("responses")
            array(response.responses.count)
            for inner in response.responses { writeWhole(inner) }
        }
    }

    private mutating func revision(_ revision: Int64) {
        bulk("revision")
        integer(revision)
    }

    private mutating func write(_ records: [KeyValueRecord]) {
        array(records.count)
        for record in records { write(record) }
    }

    private mutating func write(_ record: KeyValueRecord) {
        map(6)
        bulk("key")
        bulk(record.key)
        bulk("create_revision")
        integer(record.createRevision)
        bulk("mod_revision")
        integer(record.modRevision)
        bulk("version")
        integer(record.version)
        bulk("value")
        bulk(record.value)
        bulk("lease")
        integer(record.lease.rawValue)
    }
}

extension TxnResponse.Operation {
    /// Of the keys and values in it.
    fileprivate var byteCount: Int {
        func bytes(_ records: [KeyValueRecord]) -> Int { records.reduce(0) { $0 + $1.key.count + $1.value.count } }
        return switch self {
        case .put(let response): response.previous.map { bytes([$0]) } ?? 0
        case .range(let response): bytes(response.records)
        case .deleteRange(let response): bytes(response.previous)
        case .txn(let response): response.responses.reduce(0) { $0 + $1.byteCount }
        }
    }
}
