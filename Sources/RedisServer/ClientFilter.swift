// SPDX-License-Identifier: Apache-2.0

import MartletKeyspace
import MartletRESPCodec
import NIOCore

/// Which clients CLIENT LIST or CLIENT KILL is about: those that all of its words admit.
///
/// Source: CLIENT KILL of Redis 7.4 and later. There CLIENT LIST takes `TYPE` and `ID` alone; here, as in Valkey 8.1,
/// the others too.
struct ClientFilter {
    private var ids: Set<Int64>?
    private var address: String?
    private var localAddress: String?
    private var type: ClientType?
    private var user: [UInt8]?
    private var leastAge: Int64 = 0
    /// Whether the client that asks is left out.
    private var skipsOwn: Bool

    /// What is wrong with the words: a whole error.
    struct Malformed: Error {
        var text: String

        static let syntax = Malformed(text: "ERR syntax error")
    }

    /// CLIENT LIST takes several IDs behind one word, and spares nobody unless told.
    enum Purpose {
        case list, kill
    }

    /// - Parameter arguments: of the whole command: `CLIENT`, its subcommand, and the filter.
    init(_ arguments: Arguments, for purpose: Purpose, _ access: AccessControl) throws(Malformed) {
        skipsOwn = purpose == .kill
        var index = 2
        while index < arguments.count {
            guard index + 1 < arguments.count else { throw .syntax }
            let value = arguments.text(index + 1)
            var count = 2
            if arguments.matches(index, "ID") {
                let end = purpose == .kill ? index + 2 : Self.endOfIDs(arguments, index + 1)
                count = end - index
                try keep(Self.ids(arguments, index + 1..<end, for: purpose))
            } else if arguments.matches(index, "ADDR") {
                address = value
            } else if arguments.matches(index, "LADDR") {
                localAddress = value
            } else if arguments.matches(index, "TYPE") {
                guard let known = ClientType(value) else {
                    throw Malformed(text: "ERR Unknown client type '\(value)'")
                }
                type = known
            } else if arguments.matches(index, "SKIPME") {
                guard arguments.matches(index + 1, "YES") || arguments.matches(index + 1, "NO") else { throw .syntax }
                skipsOwn = arguments.matches(index + 1, "YES")
            } else if arguments.matches(index, "USER") {
                let name = arguments.array(index + 1)
                guard access.knows(name) else { throw Malformed(text: "ERR No such user '\(value)'") }
                user = name
            } else if arguments.matches(index, "MAXAGE") {
                guard let seconds = arguments.integer(index + 1), seconds > 0 else {
                    throw Malformed(text: "ERR maxage is not an integer or out of range")
                }
                leastAge = seconds
            } else {
                throw .syntax
            }
            index += count
        }
    }

    private static let names: [StaticString] = ["ID", "ADDR", "LADDR", "TYPE", "SKIPME", "USER", "MAXAGE"]

    /// The word behind the IDs that begin with a word.
    private static func endOfIDs(_ arguments: Arguments, _ begin: Int) -> Int {
        (begin + 1..<arguments.count).first { index in names.contains { arguments.matches(index, $0) } }
            ?? arguments.count
    }

    private static func ids(
        _ arguments: Arguments, _ words: Range<Int>, for purpose: Purpose
    ) throws(Malformed) -> Set<Int64> {
        var ids: Set<Int64> = []
        for index in words {
            guard let id = arguments.integer(index), id > 0 || purpose == .list else {
                throw Malformed(
                    text: purpose == .list ? "ERR Invalid client ID" : "ERR client-id should be greater than 0")
            }
            ids.insert(id)
        }
        return ids
    }

    /// Those of several lists.
    private mutating func keep(_ other: Set<Int64>) {
        ids = ids?.intersection(other) ?? other
    }

    /// - Parameter asker: who asks.
    func admits(_ client: RESPConnection, asker: RESPConnection, at now: NIODeadline) -> Bool {
        if skipsOwn, client === asker { return false }
        if let ids, !ids.contains(Int64(client.session.id)) { return false }
        if let address, client.address != address { return false }
        if let localAddress, client.localAddress != localAddress { return false }
        if let type, client.type != type { return false }
        if let user, client.session.userName != user { return false }
        return leastAge == 0 || client.age(now) >= leastAge
    }
}
