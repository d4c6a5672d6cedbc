// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec

extension CommandEntry {
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
        .read("substr", 4, [], .one, "Reads a part of a string.", group: .string) {
            keyspace, call, reply throws(CommandError) in try keyspace.getrange(call, &reply)
        },
        .write("setrange", 4, .denyOOM, .one, "Overwrites a part of a string.", since: "2.2.0", group: .string) {
            keyspace, call, reply throws(CommandError) in try keyspace.setrange(call, &reply)
        },
        .write(
            "incrbyfloat", 3, [.denyOOM, .fast], .one, "Counts up by a number with a point.", since: "2.6.0",
            group: .string
        ) { keyspace, call, reply throws(CommandError) in try keyspace.incrbyfloat(call, &reply) },
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
        .read("lpos", -3, [], .one, "Finds items.", since: "6.0.6", group: .list) {
            keyspace, call, reply throws(CommandError) in try keyspace.lpos(call, &reply)
        },
        .write("lset", 4, .denyOOM, .one, "Sets an item.", group: .list) {
            keyspace, call, reply throws(CommandError) in try keyspace.lset(call, &reply)
        },
        .write("linsert", 5, .denyOOM, .one, "Adds beside an item.", since: "2.2.0", group: .list) {
            keyspace, call, reply throws(CommandError) in try keyspace.linsert(call, &reply)
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
        .read("sinter", -2, [], Keys(1, -1), "Members of all sets.", group: .set) {
            keyspace, call, reply throws(CommandError) in try keyspace.combineSets(call, &reply, .intersection)
        },
        .write("sinterstore", -3, .denyOOM, Keys(1, -1), "Members of all sets, kept.", group: .set) {
            keyspace, call, reply throws(CommandError) in try keyspace.storeSets(call, &reply, .intersection)
        },
        .read("sunion", -2, [], Keys(1, -1), "Members of any set.", group: .set) {
            keyspace, call, reply throws(CommandError) in try keyspace.combineSets(call, &reply, .union)
        },
        .write("sunionstore", -3, .denyOOM, Keys(1, -1), "Members of any set, kept.", group: .set) {
            keyspace, call, reply throws(CommandError) in try keyspace.storeSets(call, &reply, .union)
        },
        .read("sdiff", -2, [], Keys(1, -1), "Members of the first set alone.", group: .set) {
            keyspace, call, reply throws(CommandError) in try keyspace.combineSets(call, &reply, .difference)
        },
        .write("sdiffstore", -3, .denyOOM, Keys(1, -1), "Members of the first set alone, kept.", group: .set) {
            keyspace, call, reply throws(CommandError) in try keyspace.storeSets(call, &reply, .difference)
        },
        .read(
            "sintercard", -3, .movableKeys, .none, "Counts members of all sets.", since: "7.0.0", group: .set
        ) { keyspace, call, reply throws(CommandError) in try keyspace.sintercard(call, &reply) },
        .write("smove", 4, .fast, Keys(1, 2), "Moves a member to another set.", group: .set) {
            keyspace, call, reply throws(CommandError) in try keyspace.smove(call, &reply)
        },
        .read("sscan", -3, [], .one, "Lists members in pieces.", since: "2.8.0", group: .set) {
            keyspace, call, reply throws(CommandError) in try keyspace.sscan(call, &reply)
        },
    ]
}
