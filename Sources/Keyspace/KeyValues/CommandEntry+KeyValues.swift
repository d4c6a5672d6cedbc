// SPDX-License-Identifier: Apache-2.0

import MartletAuth
public import MartletKeyValue
public import MartletRESPCodec

extension CommandEntry {
    /// The key-value store, for clients of Redis's protocol. See `KeyWords` for their words.
    ///
    /// Replies are maps with the names of etcd's JSON: `revision`, and `kvs`, `count` and `more` of a read, `deleted`
    /// of a deletion, `succeeded` and `responses` of a transaction, `prev_kv` and `prev_kvs` where asked for and there.
    static let keyValues: [CommandEntry] = [
        .keyValue("kv.put", -3, .write, "Writes a key of the key-value store.") {
            words throws(CommandError) in try words.put()
        },
        .keyValue("kv.get", -2, .readOnly, "Reads keys of the key-value store.") {
            words throws(CommandError) in try words.get()
        },
        .keyValue("kv.del", -2, .write, "Deletes keys of the key-value store.") {
            words throws(CommandError) in try words.delete()
        },
        .keyValue("kv.txn", -1, .write, "Compares keys of the key-value store, then reads and changes some.") {
            words throws(CommandError) in try words.transaction()
        },
    ]

    private static func keyValue(
        _ name: String, _ arity: Int, _ flags: Flags, _ summary: String, _ parse: @escaping KeyWords.Parse
    ) -> CommandEntry {
        CommandEntry(
            name: name, arity: arity, flags: flags, keys: .none, summary: summary, since: "8.8.0", group: .keyValue,
            handler: .keys(parse), subcommands: [])
    }

    /// The request that a command's words make; `nil`: it is none to the key-value store.
    func keyOperation(_ arguments: Arguments) throws(CommandError) -> TxnRequest.Operation? {
        guard case .keys(let parse) = handler else { return nil }
        var words = KeyWords(arguments)
        return try parse(&words)
    }
}

extension CommandEntry {
    /// Why a command has more operations than a member takes from clients; `nil`: it hasn't, or makes no request at all
    /// and is told so when it is carried out.
    public func refusal(_ arguments: @autoclosure () -> Arguments, maximumOperations: Int) -> StaticString? {
        guard name == "kv.txn", case .txn(let request) = try? keyOperation(arguments()) else { return nil }
        return request.hasShape(maximumOperations) ? nil : KeyValueError.tooManyOperations.commandText
    }
}

extension Transaction {
    /// As above, of all its commands on the key-value store, which are one transaction there.
    public func refusal(maximumOperations: Int) -> StaticString? {
        guard concernsKeys else { return nil }
        var request = TxnRequest()
        for (index, item) in items.enumerated() {
            guard let operation = try? item.entry.keyOperation(commands[index]) else { continue }
            request.success.append(operation)
        }
        return request.hasShape(maximumOperations) ? nil : KeyValueError.tooManyOperations.commandText
    }
}

/// What keeps commands from the key-value store, the same at every member that has applied the same records. Rights of
/// users come before it: see `Keyspace.denial`.
public struct KeyConditions: Hashable, Sendable {
    /// Its users are asked who they are, and those of `ACL SETUSER` aren't among them.
    public var asksUsers = false
    public var hasNoSpace = false
    public var isCorrupt = false

    public init() {}

    static let usersText: StaticString =
        "NOPERM authentication of the key-value store is on: commands on its keys need its own users"

    func check(_ operation: TxnRequest.Operation, of user: AuthName?) throws(CommandError) {
        if asksUsers, user == nil { throw .text(Self.usersText) }
        if case .range = operation { return }
        if isCorrupt { throw .text("ERR etcdserver: corrupt cluster") }
        if hasNoSpace, operation.mayPut { throw .keys(.databaseSpaceExceeded) }
    }
}

extension TxnRequest.Operation {
    fileprivate var mayPut: Bool {
        switch self {
        case .put: true
        case .txn(let request): (request.success + request.failure).contains(where: \.mayPut)
        case .range, .deleteRange, .unset: false
        }
    }
}

extension CommandEntry {
    /// Carries out a command on the key-value store; one that fails changes nothing.
    public func apply(
        _ call: Call, to store: inout KeyValueStore, _ conditions: KeyConditions, _ reply: inout ReplyWriter
    ) -> CommandOutcome {
        let begin = reply.bytes.count
        do throws(CommandError) {
            let operation = try checkedOperation(call, conditions)
            let response: TxnResponse.Operation
            do throws(KeyValueError) {
                switch operation {
                case .range(let request): response = .range(try store.range(request))
                case .put(let request): response = .put(try store.put(request))
                case .deleteRange(let request): response = .deleteRange(try store.deleteRange(request))
                case .txn(let request): response = .txn(try store.txn(request))
                case .unset: throw .keyNotFound
                }
            } catch {
                throw .keys(error)
            }
            reply.write(response)
            return .replied
        } catch {
            return Keyspace.end(self, error, begin, &reply)
        }
    }

    /// Carries out a command that only reads.
    public func read(
        _ call: Call, of store: KeyValueStore, _ conditions: KeyConditions, _ reply: inout ReplyWriter
    ) -> CommandOutcome {
        let begin = reply.bytes.count
        do throws(CommandError) {
            guard case .range(let request) = try checkedOperation(call, conditions) else {
                preconditionFailure("\(name) may change the state")
            }
            do throws(KeyValueError) {
                reply.write(.range(try store.range(request)))
            } catch {
                throw .keys(error)
            }
            return .replied
        } catch {
            return Keyspace.end(self, error, begin, &reply)
        }
    }

    private func checkedOperation(
        _ call: Call, _ conditions: KeyConditions
    ) throws(CommandError) -> TxnRequest.Operation {
        guard let operation = try keyOperation(call.arguments) else {
            preconditionFailure("\(name) is no command on the key-value store")
        }
        try conditions.check(operation, of: call.user)
        return operation
    }
}
