// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec

extension CommandEntry {
    /// Arities are Redis's but for XLEN and XGROUP DELCONSUMER, which take more words than there: COMMAND tells what is
    /// true here, and clients that count words only ever refuse too few.
    static let streams: [CommandEntry] = [
        .write("xadd", -5, [.denyOOM, .fast], .one, "Appends an entry to a stream.", since: "5.0.0", group: .stream) {
            keyspace, call, reply throws(CommandError) in try keyspace.xadd(call, &reply)
        },
        .read("xlen", -2, .fast, .one, "Counts the entries of a stream.", since: "5.0.0", group: .stream) {
            keyspace, call, reply throws(CommandError) in try keyspace.xlen(call, &reply)
        },
        .read("xrange", -4, [], .one, "Reads entries of a range of IDs.", since: "5.0.0", group: .stream) {
            keyspace, call, reply throws(CommandError) in try keyspace.xrange(call, &reply)
        },
        .read("xrevrange", -4, [], .one, "Reads a range from its end.", since: "5.0.0", group: .stream) {
            keyspace, call, reply throws(CommandError) in try keyspace.xrevrange(call, &reply)
        },
        .read(
            "xread", -4, [.blocking, .movableKeys], .none, "Reads what stands behind IDs; waits for it if told so.",
            since: "5.0.0", group: .stream
        ) { keyspace, call, reply throws(CommandError) in try keyspace.xread(call, &reply) },
        .write(
            "xreadgroup", -7, [.blocking, .movableKeys], .none, "Hands entries of streams to a group's consumer.",
            since: "5.0.0", group: .stream
        ) { keyspace, call, reply throws(CommandError) in try keyspace.xreadgroup(call, &reply) },
        .write("xdel", -3, .fast, .one, "Deletes entries.", since: "5.0.0", group: .stream) {
            keyspace, call, reply throws(CommandError) in try keyspace.xdel(call, &reply)
        },
        .write("xdelex", -5, .fast, .one, "Deletes entries, with regard to groups.", since: "8.2.0", group: .stream) {
            keyspace, call, reply throws(CommandError) in try keyspace.xdelex(call, &reply)
        },
        .write(
            "xackdel", -6, .fast, .one, "Acknowledges entries and deletes them.", since: "8.2.0", group: .stream
        ) { keyspace, call, reply throws(CommandError) in try keyspace.xackdel(call, &reply) },
        .write("xtrim", -4, [], .one, "Shortens a stream from its beginning.", since: "5.0.0", group: .stream) {
            keyspace, call, reply throws(CommandError) in try keyspace.xtrim(call, &reply)
        },
        .write("xsetid", -3, [.denyOOM, .fast], .one, "Sets a stream's last ID.", since: "5.0.0", group: .stream) {
            keyspace, call, reply throws(CommandError) in try keyspace.xsetid(call, &reply)
        },
        .write("xack", -4, .fast, .one, "Acknowledges pending entries of a group.", since: "5.0.0", group: .stream) {
            keyspace, call, reply throws(CommandError) in try keyspace.xack(call, &reply)
        },
        .write("xnack", -7, .fast, .one, "Gives pending entries back.", since: "8.8.0", group: .stream) {
            keyspace, call, reply throws(CommandError) in try keyspace.xnack(call, &reply)
        },
        .read("xpending", -3, [], .one, "Lists pending entries of a group.", since: "5.0.0", group: .stream) {
            keyspace, call, reply throws(CommandError) in try keyspace.xpending(call, &reply)
        },
        .write("xclaim", -6, .fast, .one, "Makes a consumer hold pending entries.", since: "5.0.0", group: .stream) {
            keyspace, call, reply throws(CommandError) in try keyspace.xclaim(call, &reply)
        },
        .write(
            "xautoclaim", -6, .fast, .one, "Makes a consumer hold what waits too long.", since: "6.2.0", group: .stream
        ) { keyspace, call, reply throws(CommandError) in try keyspace.xautoclaim(call, &reply) },
        .write(
            "xcfgset", -2, .fast, .one, "Sets how long a stream remembers idempotent IDs.", since: "8.6.0",
            group: .stream
        ) { keyspace, call, reply throws(CommandError) in try keyspace.xcfgset(call, &reply) },
        .write(
            "xidmprecord", 5, [.denyOOM, .fast], .one, "Notes the idempotent ID of an entry.", since: "8.6.2",
            group: .stream
        ) { keyspace, call, reply throws(CommandError) in try keyspace.xidmprecord(call, &reply) },
    ]

    /// What Redis doesn't have. The release is the one whose commands they are beside.
    static let queues: [CommandEntry] = [
        .read("xdelayed", -4, [], .one, "Lists entries that wait for their moment.", since: "8.8.0", group: .stream) {
            keyspace, call, reply throws(CommandError) in try keyspace.xdelayed(call, &reply)
        },
        .write("xcancel", -3, .fast, .one, "Forgets entries that wait.", since: "8.8.0", group: .stream) {
            keyspace, call, reply throws(CommandError) in try keyspace.xcancel(call, &reply)
        },
        .write("xretain", -3, [], .one, "Sets how long a stream keeps entries.", since: "8.8.0", group: .stream) {
            keyspace, call, reply throws(CommandError) in try keyspace.xretain(call, &reply)
        },
        .write(
            "xreplay", -3, .denyOOM, .init(1, 2), "Puts dead letters back.", since: "8.8.0", group: .stream
        ) {
            keyspace, call, reply throws(CommandError) in try keyspace.xreplay(call, &reply)
        },
        .container(
            "xcron", "Puts entries into streams again and again.", since: "8.8.0",
            [
                .write(
                    "xcron|set", -8, [.denyOOM, .zoned], .second, "Says what recurs, and when.", since: "8.8.0",
                    group: .stream
                ) { keyspace, call, reply throws(CommandError) in try keyspace.xcronSet(call, &reply) },
                .write("xcron|del", 4, [], .second, "Ends what recurs.", since: "8.8.0", group: .stream) {
                    keyspace, call, reply throws(CommandError) in try keyspace.xcronDel(call, &reply)
                },
                .read("xcron|list", 3, [], .second, "Lists what recurs.", since: "8.8.0", group: .stream) {
                    keyspace, call, reply throws(CommandError) in try keyspace.xcronList(call, &reply)
                },
            ]),
    ]

    static let groups: [CommandEntry] = [
        .container(
            "xgroup", "Makes, moves and ends consumer groups.",
            [
                .write(
                    "xgroup|create", -5, .denyOOM, .second, "Makes a group.", since: "5.0.0", group: .stream
                ) { keyspace, call, reply throws(CommandError) in try keyspace.xgroupCreate(call, &reply) },
                .write("xgroup|setid", -5, [], .second, "Moves a group.", since: "5.0.0", group: .stream) {
                    keyspace, call, reply throws(CommandError) in try keyspace.xgroupSetID(call, &reply)
                },
                .write("xgroup|destroy", 4, [], .second, "Ends a group.", since: "5.0.0", group: .stream) {
                    keyspace, call, reply throws(CommandError) in try keyspace.xgroupDestroy(call, &reply)
                },
                .write(
                    "xgroup|createconsumer", 5, .denyOOM, .second, "Makes a consumer.", since: "6.2.0", group: .stream
                ) { keyspace, call, reply throws(CommandError) in try keyspace.xgroupCreateConsumer(call, &reply) },
                .write(
                    "xgroup|delconsumer", -5, [], .second, "Ends a consumer and what it has pending.", since: "5.0.0",
                    group: .stream
                ) { keyspace, call, reply throws(CommandError) in try keyspace.xgroupDelConsumer(call, &reply) },
                .write(
                    "xgroup|setpolicy", -5, .denyOOM, .second, "Says what a group does of itself.", since: "8.8.0",
                    group: .stream
                ) { keyspace, call, reply throws(CommandError) in try keyspace.xgroupSetPolicy(call, &reply) },
                .read("xgroup|help", 2, [], .none, "Lists the subcommands.", since: "5.0.0", group: .stream) {
                    keyspace, call, reply throws(CommandError) in try keyspace.xgroupHelp(call, &reply)
                },
            ]),
        .container(
            "xinfo", "Tells about streams, groups and consumers.",
            [
                .read("xinfo|stream", -3, [], .second, "Tells about a stream.", since: "5.0.0", group: .stream) {
                    keyspace, call, reply throws(CommandError) in try keyspace.xinfoStream(call, &reply)
                },
                .read("xinfo|groups", 3, [], .second, "Tells about groups.", since: "5.0.0", group: .stream) {
                    keyspace, call, reply throws(CommandError) in try keyspace.xinfoGroups(call, &reply)
                },
                .read("xinfo|consumers", 4, [], .second, "Tells about consumers.", since: "5.0.0", group: .stream) {
                    keyspace, call, reply throws(CommandError) in try keyspace.xinfoConsumers(call, &reply)
                },
                .read("xinfo|help", 2, [], .none, "Lists the subcommands.", since: "5.0.0", group: .stream) {
                    keyspace, call, reply throws(CommandError) in try keyspace.xinfoHelp(call, &reply)
                },
            ]),
    ]
}
