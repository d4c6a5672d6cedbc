// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletRESPCodec

/// The words of a command on the key-value store, one after the other, as a request to it.
///
///     KV.PUT key value [LEASE id] [PREVKV] [IGNOREVALUE] [IGNORELEASE]
///     KV.GET key [keys] [LIMIT n] [REVISION r] [SORT KEY|VERSION|CREATE|MOD|VALUE ASC|DESC] [KEYSONLY] [COUNTONLY]
///            [MINMOD r] [MAXMOD r] [MINCREATE r] [MAXCREATE r]
///     KV.DEL key [keys] [PREVKV]
///     KV.TXN [IF n compare …] [THEN n operation …] [ELSE n operation …]
///
///     keys       RANGE end  |  PREFIX  |  FROM           all keys before `end`, that begin so, from `key` on
///     compare    [RANGE end] VERSION|CREATE|MOD|VALUE|LEASE key =|!=|<|> operand
///     operation  n PUT|GET|DEL|TXN …                     `n` words follow: those of the command without its `KV.`
///
/// Counts stand in front of what they count, so that no key or value is ever taken for an option of another part.
/// Numbers, leases' IDs too, are decimal.
struct KeyWords {
    typealias Parse = @Sendable (inout KeyWords) throws(CommandError) -> TxnRequest.Operation

    /// Records that one answer has at most; `more` says that there are others. So many are read in a millisecond.
    static let maximumRecords: Int64 = 4096
    /// Transactions inside each other: no request that is deeper passes the store's own limit on operations.
    static let maximumDepth = 128

    private let words: Arguments
    private var next: Int
    private var end: Int

    /// - Parameter first: behind the command's name.
    init(_ words: Arguments, from first: Int = 1) {
        self.words = words
        next = first
        end = words.count
    }

    private var isAtEnd: Bool { next >= end }

    private mutating func word() throws(CommandError) -> Int {
        guard next < end else { throw .syntax }
        defer { next += 1 }
        return next
    }

    private mutating func bytes() throws(CommandError) -> [UInt8] { words.array(try word()) }

    private mutating func number() throws(CommandError) -> Int64 {
        guard let number = words.integer(try word()) else { throw .notInteger }
        return number
    }

    /// A number of things that follow, at least one word each.
    private mutating func count() throws(CommandError) -> Int {
        let number = try number()
        guard 0 <= number, number <= Int64(end - next) else { throw .syntax }
        return Int(number)
    }

    private mutating func takes(_ word: StaticString) -> Bool {
        guard next < end, words.matches(next, word) else { return false }
        next += 1
        return true
    }

    // MARK: Commands

    mutating func put() throws(CommandError) -> TxnRequest.Operation {
        var request = PutRequest(key: try bytes(), value: try bytes())
        while !isAtEnd {
            if takes("LEASE") {
                request.lease = LeaseID(try number())
            } else if takes("PREVKV") {
                request.wantsPrevious = true
            } else if takes("IGNOREVALUE") {
                request.ignoreValue = true
            } else if takes("IGNORELEASE") {
                request.ignoreLease = true
            } else {
                throw .syntax
            }
        }
        return .put(request)
    }

    mutating func get() throws(CommandError) -> TxnRequest.Operation {
        var request = MartletKeyValue.RangeRequest(key: try bytes())
        var hasKeys = false
        while !isAtEnd {
            if !hasKeys, let keys = try keys(from: request.key) {
                (request.key, request.rangeEnd) = keys
                hasKeys = true
            } else if takes("LIMIT") {
                request.limit = try number()
            } else if takes("REVISION") {
                request.revision = try number()
            } else if takes("SORT") {
                request.sortTarget = try sortTarget()
                request.sortOrder = try sortOrder()
            } else if takes("KEYSONLY") {
                request.keysOnly = true
            } else if takes("COUNTONLY") {
                request.countOnly = true
            } else if takes("MINMOD") {
                request.minModRevision = try number()
            } else if takes("MAXMOD") {
                request.maxModRevision = try number()
            } else if takes("MINCREATE") {
                request.minCreateRevision = try number()
            } else if takes("MAXCREATE") {
                request.maxCreateRevision = try number()
            } else {
                throw .syntax
            }
        }
        request.limit = request.limit > 0 ? min(request.limit, Self.maximumRecords) : Self.maximumRecords
        return .range(request)
    }

    private mutating func sortTarget() throws(CommandError) -> MartletKeyValue.RangeRequest.SortTarget {
        if takes("KEY") { return .key }
        if takes("VERSION") { return .version }
        if takes("CREATE") { return .createRevision }
        if takes("MOD") { return .modRevision }
        if takes("VALUE") { return .value }
        throw .syntax
    }

    private mutating func sortOrder() throws(CommandError) -> MartletKeyValue.RangeRequest.SortOrder {
        if takes("ASC") { return .ascend }
        if takes("DESC") { return .descend }
        throw .syntax
    }

    mutating func delete() throws(CommandError) -> TxnRequest.Operation {
        var request = DeleteRangeRequest(key: try bytes())
        var hasKeys = false
        while !isAtEnd {
            if !hasKeys, let keys = try keys(from: request.key) {
                (request.key, request.rangeEnd) = keys
                hasKeys = true
            } else if takes("PREVKV") {
                request.wantsPrevious = true
            } else {
                throw .syntax
            }
        }
        return .deleteRange(request)
    }

    /// Key and end of a range, if it is one that follows.
    private mutating func keys(from key: [UInt8]) throws(CommandError) -> (key: [UInt8], end: [UInt8])? {
        // A single zero byte is no end at all, and no key is empty.
        if takes("RANGE") { return (key, try bytes()) }
        if takes("PREFIX") { return key.isEmpty ? ([0], [0]) : (key, KeyPrefix.end(of: key) ?? [0]) }
        if takes("FROM") { return (key.isEmpty ? [0] : key, [0]) }
        return nil
    }

    mutating func transaction(depth: Int = 1) throws(CommandError) -> TxnRequest.Operation {
        if depth > Self.maximumDepth { throw .keys(.tooManyOperations) }
        var request = TxnRequest()
        if takes("IF") {
            for _ in 0..<(try count()) { request.compare.append(try compare()) }
        }
        if takes("THEN") { request.success = try operations(depth) }
        if takes("ELSE") { request.failure = try operations(depth) }
        guard isAtEnd else { throw .syntax }
        return .txn(request)
    }

    private mutating func operations(_ depth: Int) throws(CommandError) -> [TxnRequest.Operation] {
        var operations: [TxnRequest.Operation] = []
        for _ in 0..<(try count()) {
            let length = try count()
            var inner = self
            inner.end = next + length
            next += length
            operations.append(try inner.operation(depth))
        }
        return operations
    }

    private mutating func operation(_ depth: Int) throws(CommandError) -> TxnRequest.Operation {
        if takes("PUT") { return try put() }
        if takes("GET") { return try get() }
        if takes("DEL") { return try delete() }
        if takes("TXN") { return try transaction(depth: depth + 1) }
        throw .syntax
    }

    private mutating func compare() throws(CommandError) -> TxnCompare {
        let end = takes("RANGE") ? try bytes() : []
        enum Target { case version, create, mod, value, lease }
        let target: Target
        if takes("VERSION") {
            target = .version
        } else if takes("CREATE") {
            target = .create
        } else if takes("MOD") {
            target = .mod
        } else if takes("VALUE") {
            target = .value
        } else if takes("LEASE") {
            target = .lease
        } else {
            throw .syntax
        }
        let key = try bytes()
        let relation = try relation()
        let wanted: TxnCompare.Target =
            switch target {
            case .version: .version(try number())
            case .create: .createRevision(try number())
            case .mod: .modRevision(try number())
            case .value: .value(try bytes())
            case .lease: .lease(try number())
            }
        return TxnCompare(wanted, of: key, rangeEnd: end, is: relation)
    }

    private mutating func relation() throws(CommandError) -> TxnCompare.Relation {
        if takes("=") { return .equal }
        if takes("!=") { return .notEqual }
        if takes("<") { return .less }
        if takes(">") { return .greater }
        throw .syntax
    }
}
