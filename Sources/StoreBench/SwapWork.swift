// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// Compare-and-swap transactions: each puts a key if nobody has changed it since this lane last saw it. The lanes have
/// keys of their own, so that all but the first of each key, which may lie there from an earlier run, succeed.
struct SwapWork: CallWork {
    private let firstKey: Int
    private let keysEach: Int
    private let value: [UInt8]
    private var lanes: [Lane]
    private(set) var succeeded = 0
    private(set) var answered = 0

    private struct Lane {
        var current = 0
        /// When each key was last changed; 0: it never was.
        var revisions: [Int64]
    }

    init(firstKey: Int, lanes: Int, keysEach: Int, valueBytes: Int) {
        self.firstKey = firstKey
        self.keysEach = keysEach
        self.value = PutWork.value(bytes: valueBytes)
        self.lanes = Array(repeating: Lane(revisions: Array(repeating: 0, count: keysEach)), count: lanes)
    }

    mutating func next(lane: Int, into message: inout [UInt8]) -> Method? {
        let current = (self.lanes[lane].current + 1) % self.keysEach
        self.lanes[lane].current = current
        message.append(
            swap: self.firstKey + lane * self.keysEach + current, self.value,
            ifChangedAt: self.lanes[lane].revisions[current])
        return .txn
    }

    /// TxnResponse: header 1, succeeded 2, responses 3.
    mutating func finish(lane: Int, _ answer: ArraySlice<UInt8>, nanoseconds: UInt64) {
        self.answered += 1
        var revision: Int64 = 0
        var succeeds = false
        var fields = ProtobufFields(answer)
        while fields.next() {
            switch fields.number {
            case 1: revision = Self.number(3, in: fields.content)
            case 2: succeeds = fields.value != 0
            // The range that is made when the compare fails: ResponseOp.response_range 1, its kvs 2.
            case 3 where !succeeds:
                let pair = ProtobufFields.first(1, in: fields.content).flatMap {
                    ProtobufFields.first(2, in: $0.content)
                }
                revision = pair.map { Self.number(3, in: $0.content) } ?? 0
            default: break
            }
        }
        if succeeds { self.succeeded += 1 }
        self.lanes[lane].revisions[self.lanes[lane].current] = revision
    }

    private static func number(_ field: Int, in bytes: ArraySlice<UInt8>) -> Int64 {
        Int64(bitPattern: ProtobufFields.first(field, in: bytes)?.value ?? 0)
    }
}
