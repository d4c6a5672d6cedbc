// SPDX-License-Identifier: Apache-2.0

import MartletKeyValue

extension RequestDecoder {
    func txn(_ range: Range<Int>, depth: Int) throws(RecordError) -> TxnRequest {
        guard depth <= Self.depthMax else { throw .tooDeep }
        var request = TxnRequest()
        var reader = FieldReader(bytes, range)
        while let (number, value) = try reader.field() {
            switch number {
            case 1: request.compare.append(try compare(value.range()))
            case 2: request.success.append(try operation(value.range(), depth: depth))
            case 3: request.failure.append(try operation(value.range(), depth: depth))
            default: continue
            }
        }
        return request
    }

    /// The last variant counts; if it stands there several times, its parts are one message.
    private func operation(_ range: Range<Int>, depth: Int) throws(RecordError) -> TxnRequest.Operation {
        var chosen: (number: UInt64, range: Range<Int>)?
        /// The parts together, if there are several.
        var joined: [UInt8] = []
        var isJoined = false
        var reader = FieldReader(bytes, range)
        while let (number, value) = try reader.field() {
            guard 1...4 ~= number else { continue }
            let part = try value.range()
            if let earlier = chosen, earlier.number == number {
                if !isJoined { joined = Array(bytes[earlier.range]) }
                joined += bytes[part]
                isJoined = true
            } else {
                isJoined = false
            }
            chosen = (number, part)
        }
        guard let chosen else { return .unset }
        let decoder = isJoined ? RequestDecoder(joined) : self
        let content = isJoined ? 0..<joined.count : chosen.range
        switch chosen.number {
        case 1: return .range(try decoder.range(content))
        case 2: return .put(try decoder.put(content))
        case 3: return .deleteRange(try decoder.deleteRange(content))
        default: return .txn(try decoder.txn(content, depth: depth + 1))
        }
    }

    /// The declared target counts; a value given for another one reads as zero.
    func compare(_ range: Range<Int>) throws(RecordError) -> TxnCompare {
        var condition = TxnCompare(.version(0), of: [])
        var target: UInt64 = 0
        var given: UInt64 = 0
        var number: Int64 = 0
        var content: [UInt8] = []
        var reader = FieldReader(bytes, range)
        while let (field, value) = try reader.field() {
            switch field {
            case 1: condition.relation = .init(wire: try value.number())
            case 2: target = try value.number()
            case 3: condition.key = try reader.array(value)
            case 4, 5, 6, 8:
                given = field
                number = try value.signed()
            case 7:
                given = field
                content = try reader.array(value)
            case 64: condition.rangeEnd = try reader.array(value)
            default: continue
            }
        }
        switch Int32(truncatingIfNeeded: target) {
        case 0: condition.target = .version(given == 4 ? number : 0)
        case 1: condition.target = .createRevision(given == 5 ? number : 0)
        case 2: condition.target = .modRevision(given == 6 ? number : 0)
        case 3: condition.target = .value(given == 7 ? content : [])
        case 4: condition.target = .lease(given == 8 ? number : 0)
        default: condition.target = .unrecognized
        }
        return condition
    }
}

extension TxnCompare.Relation {
    init(wire number: UInt64) {
        switch Int32(truncatingIfNeeded: number) {
        case 0: self = .equal
        case 1: self = .greater
        case 2: self = .less
        case 3: self = .notEqual
        default: self = .unrecognized
        }
    }

    var wireNumber: UInt64 {
        switch self {
        case .equal: 0
        case .greater: 1
        case .less: 2
        case .notEqual: 3
        case .unrecognized: 4
        }
    }
}
