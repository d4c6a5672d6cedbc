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
                    keyspace, call, reply throws(CommandError) in try keyspace.objectNumber(call, &reply, 0)
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

    static let strings: [CommandEntry] = [
        .read("get", 2, .fast, .one, "Reads a string.", group: .string) {
            keyspace, call, reply throws(CommandError) in try keyspace.get(call, &reply)
        },
        .write("set", -3, .denyOOM, .one, "Sets a string.", group: .string) {
            keyspace, call, reply throws(CommandError) in try keyspace.set(call, &reply)
        },
        .write("setnx", 3, [.denyOOM, .fast], .one, "Sets a string where no key is.", group: .string) {
            keyspace, call, reply throws(CommandError) in try keyspace.setnx(call, &reply)
        },
        .write("setex", 4, .denyOOM, .one, "Sets a string for seconds.", since: "2.0.0", group: .string) {
            keyspace, call, reply throws(CommandError) in
            try keyspace.setex(call, &reply, .seconds, command: "setex")
        },
        .write("psetex", 4, .denyOOM, .one, "Sets a string for milliseconds.", since: "2.6.0", group: .string) {
            keyspace, call, reply throws(CommandError) in
            try keyspace.setex(call, &reply, .milliseconds, command: "psetex")
        },
        .write("getset", 3, [.denyOOM, .fast], .one, "Sets a string and answers the old one.", group: .string) {
            keyspace, call, reply throws(CommandError) in try keyspace.getset(call, &reply)
        },
        .write("getdel", 2, .fast, .one, "Reads a string and takes it away.", since: "6.2.0", group: .string) {
            keyspace, call, reply throws(CommandError) in try keyspace.getdel(call, &reply)
        },
        .write("getex", -2, .fast, .one, "Reads a string and says when it ends.", since: "6.2.0", group: .string) {
            keyspace, call, reply throws(CommandError) in try keyspace.getex(call, &reply)
        },
        .read("mget", -2, .fast, Keys(1, -1), "Reads strings.", group: .string) {
            keyspace, call, reply throws(CommandError) in try keyspace.mget(call, &reply)
        },
        .write("mset", -3, .denyOOM, Keys(1, -1, 2), "Sets strings.", since: "1.0.1", group: .string) {
            keyspace, call, reply throws(CommandError) in try keyspace.mset(call, &reply, ifAbsent: false)
        },
        .write("msetnx", -3, .denyOOM, Keys(1, -1, 2), "Sets strings where no key is.", since: "1.0.1", group: .string)
        {
            keyspace, call, reply throws(CommandError) in try keyspace.mset(call, &reply, ifAbsent: true)
        },
        .read("strlen", 2, .fast, .one, "Bytes of a string.", since: "2.2.0", group: .string) {
            keyspace, call, reply throws(CommandError) in try keyspace.strlen(call, &reply)
        },
        .write("append", 3, [.denyOOM, .fast], .one, "Adds to a string.", since: "2.0.0", group: .string) {
            keyspace, call, reply throws(CommandError) in try keyspace.append(call, &reply)
        },
        .read("getrange", 4, [], .one, "Reads a part of a string.", since: "2.4.0", group: .string) {
            keyspace, call, reply throws(CommandError) in try keyspace.getrange(call, &reply)
        },
        .write("incr", 2, [.denyOOM, .fast], .one, "Counts up.", group: .string) {
            keyspace, call, reply throws(CommandError) in try keyspace.increment(call, &reply, by: 1)
        },
        .write("decr", 2, [.denyOOM, .fast], .one, "Counts down.", group: .string) {
            keyspace, call, reply throws(CommandError) in try keyspace.increment(call, &reply, by: -1)
        },
        .write("incrby", 3, [.denyOOM, .fast], .one, "Counts up by a number.", group: .string) {
            keyspace, call, reply throws(CommandError) in try keyspace.incrby(call, &reply)
        },
        .write("decrby", 3, [.denyOOM, .fast], .one, "Counts down by a number.", group: .string) {
            keyspace, call, reply throws(CommandError) in try keyspace.decrby(call, &reply)
        },
    ]

    static let lists: [CommandEntry] = [
        .write("lpush", -3, [.denyOOM, .fast], .one, "Adds in front.", group: .list) {
            keyspace, call, reply throws(CommandError) in try keyspace.push(call, &reply, atFront: true)
        },
        .write("rpush", -3, [.denyOOM, .fast], .one, "Adds at the end.", group: .list) {
            keyspace, call, reply throws(CommandError) in try keyspace.push(call, &reply, atFront: false)
        },
        .write(
            "lpushx", -3, [.denyOOM, .fast], .one, "Adds in front of a list that is there.", since: "2.2.0",
            group: .list
        ) {
            keyspace, call, reply throws(CommandError) in
            try keyspace.push(call, &reply, atFront: true, ifPresent: true)
        },
        .write("rpushx", -3, [.denyOOM, .fast], .one, "Adds to a list that is there.", since: "2.2.0", group: .list) {
            keyspace, call, reply throws(CommandError) in
            try keyspace.push(call, &reply, atFront: false, ifPresent: true)
        },
        .write("lpop", -2, .fast, .one, "Takes from the front.", group: .list) {
            keyspace, call, reply throws(CommandError) in try keyspace.pop(call, &reply, atFront: true)
        },
        .write("rpop", -2, .fast, .one, "Takes from the end.", group: .list) {
            keyspace, call, reply throws(CommandError) in try keyspace.pop(call, &reply, atFront: false)
        },
        .write("blpop", -3, .blocking, Keys(1, -2), "Takes from the front; waits.", since: "2.0.0", group: .list) {
            keyspace, call, reply throws(CommandError) in try keyspace.blockingPop(call, &reply, atFront: true)
        },
        .write("brpop", -3, .blocking, Keys(1, -2), "Takes from the end; waits.", since: "2.0.0", group: .list) {
            keyspace, call, reply throws(CommandError) in try keyspace.blockingPop(call, &reply, atFront: false)
        },
        .read("llen", 2, .fast, .one, "Counts items.", group: .list) {
            keyspace, call, reply throws(CommandError) in try keyspace.llen(call, &reply)
        },
        .read("lrange", 4, [], .one, "Reads items.", group: .list) {
            keyspace, call, reply throws(CommandError) in try keyspace.lrange(call, &reply)
        },
        .read("lindex", 3, [], .one, "Reads an item.", group: .list) {
            keyspace, call, reply throws(CommandError) in try keyspace.lindex(call, &reply)
        },
        .write("ltrim", 4, [], .one, "Keeps a part of a list.", group: .list) {
            keyspace, call, reply throws(CommandError) in try keyspace.ltrim(call, &reply)
        },
        .write("lrem", 4, [], .one, "Removes items.", group: .list) {
            keyspace, call, reply throws(CommandError) in try keyspace.lrem(call, &reply)
        },
        .write("lmove", 5, .denyOOM, Keys(1, 2), "Moves an item to another list.", since: "6.2.0", group: .list) {
            keyspace, call, reply throws(CommandError) in try keyspace.lmove(call, &reply)
        },
        .write("rpoplpush", 3, .denyOOM, Keys(1, 2), "Moves an item to another list.", since: "1.2.0", group: .list) {
            keyspace, call, reply throws(CommandError) in try keyspace.rpoplpush(call, &reply)
        },
        .write(
            "blmove", 6, [.denyOOM, .blocking], Keys(1, 2), "Moves an item to another list; waits.", since: "6.2.0",
            group: .list
        ) { keyspace, call, reply throws(CommandError) in try keyspace.blockingMove(call, &reply) },
        .write(
            "brpoplpush", 4, [.denyOOM, .blocking], Keys(1, 2), "Moves an item to another list; waits.", since: "2.2.0",
            group: .list
        ) { keyspace, call, reply throws(CommandError) in try keyspace.blockingMove(call, &reply) },
    ]

    static let sets: [CommandEntry] = [
        .write("sadd", -3, [.denyOOM, .fast], .one, "Adds members.", group: .set) {
            keyspace, call, reply throws(CommandError) in try keyspace.sadd(call, &reply)
        },
        .write("srem", -3, .fast, .one, "Removes members.", group: .set) {
            keyspace, call, reply throws(CommandError) in try keyspace.srem(call, &reply)
        },
        .read("scard", 2, .fast, .one, "Counts members.", group: .set) {
            keyspace, call, reply throws(CommandError) in try keyspace.scard(call, &reply)
        },
        .read("sismember", 3, .fast, .one, "Tells whether a member is there.", group: .set) {
            keyspace, call, reply throws(CommandError) in try keyspace.sismember(call, &reply)
        },
        .read("smismember", -3, .fast, .one, "Tells which members are there.", since: "6.2.0", group: .set) {
            keyspace, call, reply throws(CommandError) in try keyspace.smismember(call, &reply)
        },
        .read("smembers", 2, [], .one, "Lists members.", group: .set) {
            keyspace, call, reply throws(CommandError) in try keyspace.smembers(call, &reply)
        },
        .write("spop", -2, .fast, .one, "Takes members at random.", group: .set) {
            keyspace, call, reply throws(CommandError) in try keyspace.spop(call, &reply)
        },
        .read("srandmember", -2, [], .one, "Reads members at random.", group: .set) {
            keyspace, call, reply throws(CommandError) in try keyspace.srandmember(call, &reply)
        },
        .read("sscan", -3, [], .one, "Lists members in pieces.", since: "2.8.0", group: .set) {
            keyspace, call, reply throws(CommandError) in try keyspace.sscan(call, &reply)
        },
    ]
}
