// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec

extension CommandEntry {
    static let keys: [CommandEntry] = [
        .write("del", -2, [], Keys(1, -1), "Takes keys away.") {
            keyspace, call, reply throws(CommandError) in try keyspace.del(call, &reply)
        },
        .write("unlink", -2, .fast, Keys(1, -1), "Takes keys away.", since: "4.0.0") {
            keyspace, call, reply throws(CommandError) in try keyspace.del(call, &reply)
        },
        .read("exists", -2, .fast, Keys(1, -1), "Counts which of the keys are there.") {
            keyspace, call, reply throws(CommandError) in try keyspace.exists(call, &reply)
        },
        .read("touch", -2, .fast, Keys(1, -1), "Counts which of the keys are there.", since: "3.2.1") {
            keyspace, call, reply throws(CommandError) in try keyspace.exists(call, &reply)
        },
        .read("type", 2, .fast, .one, "Tells what a key holds.") {
            keyspace, call, reply throws(CommandError) in try keyspace.type(call, &reply)
        },
        .read("keys", 2, [], .none, "Lists keys that match a pattern.") {
            keyspace, call, reply throws(CommandError) in try keyspace.keys(call, &reply)
        },
        .read("scan", -2, [], .none, "Lists keys in pieces.", since: "2.8.0") {
            keyspace, call, reply throws(CommandError) in try keyspace.scan(call, &reply)
        },
        .read("dbsize", 1, .fast, .none, "Counts keys.", group: .server) {
            keyspace, call, reply throws(CommandError) in try keyspace.dbsize(call, &reply)
        },
        .read("randomkey", 1, [], .none, "Names a key.") {
            keyspace, call, reply throws(CommandError) in try keyspace.randomkey(call, &reply)
        },
        .write("rename", 3, [], Keys(1, 2), "Gives a key another name.") {
            keyspace, call, reply throws(CommandError) in try keyspace.rename(call, &reply)
        },
        .write("renamenx", 3, .fast, Keys(1, 2), "Gives a key a name that is free.") {
            keyspace, call, reply throws(CommandError) in try keyspace.renamenx(call, &reply)
        },
        .write("move", 3, .fast, .one, "Moves a key to another database.") {
            keyspace, call, reply throws(CommandError) in try keyspace.move(call, &reply)
        },
        .write("copy", -3, .denyOOM, Keys(1, 2), "Copies a key.", since: "6.2.0") {
            keyspace, call, reply throws(CommandError) in try keyspace.copy(call, &reply)
        },
        .read("dump", 2, [], .one, "Writes a key's value down for RESTORE.", since: "2.6.0") {
            keyspace, call, reply throws(CommandError) in try keyspace.dump(call, &reply)
        },
        .write("restore", -4, .denyOOM, .one, "Makes a key of what DUMP has written.", since: "2.6.0") {
            keyspace, call, reply throws(CommandError) in try keyspace.restore(call, &reply)
        },
        .write("swapdb", 3, .fast, .none, "Exchanges two databases.", since: "4.0.0", group: .server) {
            keyspace, call, reply throws(CommandError) in try keyspace.swapdb(call, &reply)
        },
        .write("flushdb", -1, [], .none, "Empties a database.", group: .server) {
            keyspace, call, reply throws(CommandError) in try keyspace.flushdb(call, &reply)
        },
        .write("flushall", -1, [], .none, "Empties all databases.", group: .server) {
            keyspace, call, reply throws(CommandError) in try keyspace.flushall(call, &reply)
        },
        .container(
            "object", "Tells how a key is held.", since: "2.2.3", group: .generic,
            [
                .read("object|encoding", 3, [], .second, "Names the encoding.", since: "2.2.3") {
                    keyspace, call, reply throws(CommandError) in try keyspace.objectEncoding(call, &reply)
                },
                .read("object|idletime", 3, [], .second, "Seconds since its use: not kept.", since: "2.2.3") {
                    keyspace, call, reply throws(CommandError) in try keyspace.objectNumber(call, &reply, 0)
                },
                .read("object|freq", 3, [], .second, "How often it is used: not kept.", since: "4.0.0") {
                    _, _, _ throws(CommandError) in throw Keyspace.frequenciesAreNotKept
                },
                .read("object|refcount", 3, [], .second, "Always one.", since: "2.2.3") {
                    keyspace, call, reply throws(CommandError) in try keyspace.objectNumber(call, &reply, 1)
                },
            ]),
        .container(
            "memory", "Tells about memory.", since: "4.0.0", group: .server,
            [
                .read("memory|usage", -3, [], .second, "Bytes that a key takes.", since: "4.0.0", group: .server) {
                    keyspace, call, reply throws(CommandError) in try keyspace.memoryUsage(call, &reply)
                },
                .outside("memory|doctor", 2, [], "Finds nothing wrong.", since: "4.0.0"),
                .outside("memory|stats", 2, [], "Bytes that all keys take.", since: "4.0.0"),
                .outside("memory|purge", 2, [], "Taken, without effect.", since: "4.0.0"),
                .outside("memory|malloc-stats", 2, [], "Refused: the allocator tells nothing.", since: "4.0.0"),
            ]),
        .write("expire", -3, .fast, .one, "Ends a key after seconds.") {
            keyspace, call, reply throws(CommandError) in
            try keyspace.expire(call, &reply, .seconds, command: "expire")
        },
        .write("pexpire", -3, .fast, .one, "Ends a key after milliseconds.", since: "2.6.0") {
            keyspace, call, reply throws(CommandError) in
            try keyspace.expire(call, &reply, .milliseconds, command: "pexpire")
        },
        .write("expireat", -3, .fast, .one, "Ends a key at a second.", since: "1.2.0") {
            keyspace, call, reply throws(CommandError) in
            try keyspace.expire(call, &reply, .secondsOfClock, command: "expireat")
        },
        .write("pexpireat", -3, .fast, .one, "Ends a key at a millisecond.", since: "2.6.0") {
            keyspace, call, reply throws(CommandError) in
            try keyspace.expire(call, &reply, .millisecondsOfClock, command: "pexpireat")
        },
        .write("persist", 2, .fast, .one, "Makes a key stay.", since: "2.2.0") {
            keyspace, call, reply throws(CommandError) in try keyspace.persist(call, &reply)
        },
        .read("ttl", 2, .fast, .one, "Seconds that a key has left.") {
            keyspace, call, reply throws(CommandError) in try keyspace.timeToLive(call, &reply, .seconds)
        },
        .read("pttl", 2, .fast, .one, "Milliseconds that a key has left.", since: "2.6.0") {
            keyspace, call, reply throws(CommandError) in try keyspace.timeToLive(call, &reply, .milliseconds)
        },
        .read("expiretime", 2, .fast, .one, "The second at which a key ends.", since: "7.0.0") {
            keyspace, call, reply throws(CommandError) in try keyspace.timeToLive(call, &reply, .secondsOfClock)
        },
        .read("pexpiretime", 2, .fast, .one, "The millisecond at which a key ends.", since: "7.0.0") {
            keyspace, call, reply throws(CommandError) in try keyspace.timeToLive(call, &reply, .millisecondsOfClock)
        },
    ]
}
