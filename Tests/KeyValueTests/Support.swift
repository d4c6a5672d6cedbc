// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// The seed of a random test: from MARTLET_SEED, else a fixed one, so that a run repeats. Prints it.
func testSeed(_ test: String) -> UInt64 {
    let seed = getenv("MARTLET_SEED").flatMap { UInt64(String(cString: $0)) } ?? 20_261_121
    print("\(test): MARTLET_SEED=\(seed)")
    return seed
}

extension KeyValueStore {
    @discardableResult
    mutating func put(_ key: String, _ value: String = "", lease: Int64 = 0) throws(KeyValueError) -> Int64 {
        try put(PutRequest(key: bytes(key), value: bytes(value), lease: LeaseID(lease))).revision
    }

    @discardableResult
    mutating func delete(_ key: String, _ end: String = "") throws(KeyValueError) -> DeleteRangeResponse {
        try deleteRange(DeleteRangeRequest(key: bytes(key), rangeEnd: bytes(end)))
    }

    func read(
        _ key: String, _ end: String = "", _ change: (inout RangeRequest) -> Void = { _ in }
    ) throws(KeyValueError) -> RangeResponse {
        var request = RangeRequest(key: bytes(key), rangeEnd: bytes(end))
        change(&request)
        return try range(request)
    }

    mutating func compact(_ revision: Int64) throws(KeyValueError) {
        _ = try compact(CompactionRequest(revision: revision))
    }
}

extension RangeResponse {
    var keys: [String] { records.map { text($0.key) } }
    var values: [String] { records.map { text($0.value) } }
}

extension WatchDelivery {
    var events: [WatchEvent] {
        if case .events(let events) = content { events } else { [] }
    }
}

func put(_ key: String, _ value: String = "") -> TxnRequest.Operation {
    .put(PutRequest(key: bytes(key), value: bytes(value)))
}

func delete(_ key: String, _ end: String = "") -> TxnRequest.Operation {
    .deleteRange(DeleteRangeRequest(key: bytes(key), rangeEnd: bytes(end)))
}

func get(_ key: String, revision: Int64 = 0) -> TxnRequest.Operation {
    var request = RangeRequest(key: bytes(key))
    request.revision = revision
    return .range(request)
}

/// As `#expect`, for conditions that change the store, which the macro cannot take apart.
func expect(_ condition: Bool, _ location: SourceLocation = #_sourceLocation) {
    #expect(condition, sourceLocation: location)
}
