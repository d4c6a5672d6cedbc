// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec

extension CommandEntry {
    private static let early: Flags = [.noAuth, .fast]
    private static let leaving: Flags = [.notQueued, .fast]

    static let connection: [CommandEntry] = [
        .outside("hello", -1, early, "Agrees on a protocol.", since: "6.0.0", group: .connection),
        .outside("auth", -2, early, "Says who one is.", group: .connection),
        .outside("quit", -1, [.noAuth, .fast, .notQueued], "Closes the connection.", group: .connection),
        .outside(
            "reset", 1, [.noAuth, .fast, .notQueued], "Makes the connection as new.", since: "6.2.0", group: .connection
        ),
        .outside("ping", -1, .fast, "Answers.", group: .connection),
        .outside("echo", 2, .fast, "Answers what it is told.", group: .connection),
        .outside("select", 2, .fast, "Goes to another database.", group: .connection),
        .outside("multi", 1, leaving, "Begins a transaction.", since: "1.2.0", group: .transactions),
        .outside("exec", 1, leaving, "Carries a transaction out.", since: "1.2.0", group: .transactions),
        .outside("discard", 1, leaving, "Forgets a transaction.", since: "2.0.0", group: .transactions),
        .outside(
            "watch", -2, leaving, "Lets a transaction depend on keys.", since: "2.2.0", group: .transactions,
            keys: Keys(1, -1)),
        .outside("unwatch", 1, .fast, "Forgets watched keys.", since: "2.2.0", group: .transactions),
        .outside("readonly", 1, .fast, "Allows reads that may be late.", since: "3.0.0", group: .connection),
        .outside("readwrite", 1, .fast, "Forbids reads that may be late.", since: "3.0.0", group: .connection),
        .container(
            "client", "Tells about connections.", since: "2.4.0", group: .connection,
            [
                .outside("client|id", 2, .fast, "The connection's number.", since: "5.0.0", group: .connection),
                .outside("client|getname", 2, .fast, "The connection's name.", since: "2.6.9", group: .connection),
                .outside("client|setname", 3, .fast, "Names the connection.", since: "2.6.9", group: .connection),
                .outside("client|setinfo", 4, .fast, "Says which client it is.", since: "7.2.0", group: .connection),
                .outside("client|info", 2, [], "Tells about the connection.", since: "6.2.0", group: .connection),
                .outside("client|list", -2, .admin, "Tells about all connections.", since: "2.4.0", group: .connection),
                .outside("client|kill", -3, .admin, "Closes connections.", since: "2.4.0", group: .connection),
                .outside("client|unblock", -3, .admin, "Ends a wait.", since: "5.0.0", group: .connection),
                .outside("client|no-evict", 3, .admin, "Taken, without effect.", since: "7.0.0", group: .connection),
                .outside("client|no-touch", 3, [], "Taken, without effect.", since: "7.2.0", group: .connection),
                .outside("client|reply", 3, [], "Says whether replies are wanted.", since: "3.2.0", group: .connection),
            ]),
    ]

    static let server: [CommandEntry] = [
        .outside("info", -1, [], "Tells about the server."),
        .outside("time", 1, .fast, "Tells the time.", since: "2.6.0"),
        .outside("lastsave", 1, .fast, "When all was saved last."),
        .outside("save", 1, .admin, "All is saved already."),
        .outside("bgsave", -1, .admin, "All is saved already."),
        .outside("bgrewriteaof", 1, .admin, "The log is kept short already."),
        .outside("role", 1, .fast, "Tells what the server is.", since: "2.8.12"),
        .outside("wait", 3, [], "Waits for other members.", since: "3.0.0", group: .generic),
        .outside("waitaof", 4, [], "Waits for the disk.", since: "7.2.0", group: .generic),
        .outside("monitor", 1, .admin, "Shows all commands."),
        .outside("shutdown", -1, .admin, "Ends the server."),
        .outside("lolwut", -1, .fast, "Shows a picture.", since: "5.0.0"),
        .outside("publish", 3, [.pubSub, .fast], "Sends a message.", since: "2.0.0", group: .pubsub),
        .outside("subscribe", -2, .pubSub, "Asks for messages.", since: "2.0.0", group: .pubsub),
        .outside("unsubscribe", -1, .pubSub, "Asks for no more.", since: "2.0.0", group: .pubsub),
        .outside("psubscribe", -2, .pubSub, "Asks for messages by pattern.", since: "2.0.0", group: .pubsub),
        .outside("punsubscribe", -1, .pubSub, "Asks for no more by pattern.", since: "2.0.0", group: .pubsub),
        .outside("spublish", 3, [.pubSub, .fast], "Sends to a shard channel.", since: "7.0.0", group: .pubsub),
        .outside("ssubscribe", -2, .pubSub, "Asks for a shard channel's messages.", since: "7.0.0", group: .pubsub),
        .outside("sunsubscribe", -1, .pubSub, "Asks for no more of them.", since: "7.0.0", group: .pubsub),
        .container(
            "pubsub", "Tells about subscriptions.", since: "2.8.0", group: .pubsub,
            [
                .outside(
                    "pubsub|channels", -2, .pubSub, "Channels that have subscribers.", since: "2.8.0", group: .pubsub),
                .outside("pubsub|numsub", -2, .pubSub, "Subscribers of channels.", since: "2.8.0", group: .pubsub),
                .outside("pubsub|numpat", 2, .pubSub, "Patterns.", since: "2.8.0", group: .pubsub),
                .outside(
                    "pubsub|shardchannels", -2, .pubSub, "Shard channels that have subscribers.", since: "7.0.0",
                    group: .pubsub),
                .outside(
                    "pubsub|shardnumsub", -2, .pubSub, "Subscribers of shard channels.", since: "7.0.0",
                    group: .pubsub),
            ]),
        CommandEntry(
            name: "command", arity: -1, flags: [.loading, .stale], keys: .none, summary: "Tells about commands.",
            since: "2.8.13", group: .server, handler: .outside,
            subcommands: [
                .outside("command|count", 2, [], "Counts commands.", since: "2.8.13"),
                .outside("command|info", -2, [], "Tells about commands.", since: "2.8.13"),
                .outside("command|docs", -2, [], "Tells what commands are for.", since: "7.0.0"),
                .outside("command|list", -2, [], "Names commands.", since: "7.0.0"),
                .outside("command|getkeys", -3, [], "Finds the keys of a command.", since: "2.8.13"),
                .help(of: "command", since: "5.0.0", group: .server),
            ]),
        .container(
            "config", "Reads and sets settings.", since: "2.0.0", group: .server,
            [
                .outside("config|get", -3, .admin, "Reads settings.", since: "2.0.0"),
                .write(
                    "config|set", -4, .admin, .none, "Changes settings.", since: "2.0.0", group: .server
                ) { keyspace, call, reply throws(CommandError) in try keyspace.configSet(call, &reply) },
                .outside("config|resetstat", 2, .admin, "Sets counters to zero.", since: "2.0.0"),
                .outside("config|rewrite", 2, .admin, "Settings are in the log already.", since: "2.8.0"),
            ]),
        .container(
            "script", "No scripts: only what harnesses call.", since: "2.6.0", group: .scripting,
            [
                .outside("script|flush", -2, [], "Taken, without effect.", since: "2.6.0", group: .scripting),
                .outside("script|exists", -3, [], "No script is known.", since: "2.6.0", group: .scripting),
                .outside("script|load", 3, [], "Refused: there are no scripts.", since: "2.6.0", group: .scripting),
                .outside("script|kill", 2, [], "No script runs.", since: "2.6.0", group: .scripting),
            ]),
        .container(
            "function", "No functions: only what harnesses call.", since: "7.0.0", group: .scripting,
            [
                .outside("function|flush", -2, [], "Taken, without effect.", since: "7.0.0", group: .scripting),
                .outside("function|list", -2, [], "Lists none.", since: "7.0.0", group: .scripting),
                .outside("function|kill", 2, [], "No function runs.", since: "7.0.0", group: .scripting),
            ]),
        .container(
            "module", "There are no modules.", since: "4.0.0", group: .server,
            [.outside("module|list", 2, .admin, "Lists none.", since: "4.0.0")]),
        .container(
            "debug", "For tests, where the server allows it.", since: "1.0.0", group: .server,
            [
                .outside("debug|sleep", 3, .admin, "Lets the connection wait.", since: "1.0.0"),
                .outside("debug|set-active-expire", 3, .admin, "Taken, without effect.", since: "3.0.0"),
                .outside("debug|reload", -2, .admin, "All is in the log already.", since: "1.0.0"),
                .outside("debug|loadaof", 2, .admin, "All is in the log already.", since: "1.0.0"),
                .outside("debug|log", 3, .admin, "Taken, without effect.", since: "5.0.0"),
                .outside("debug|object", -3, .admin, "Tells how a key is held.", since: "1.0.0"),
            ]),
        .outside("cluster", -2, [], "Refused: there are no slots.", since: "3.0.0"),
        .outside("asking", 1, .fast, "Refused: there are no slots.", since: "3.0.0"),
        .outside("eval", -3, [], "Refused: there are no scripts.", since: "2.6.0", group: .scripting),
        .outside("evalsha", -3, [], "Refused: there are no scripts.", since: "2.6.0", group: .scripting),
        .outside("eval_ro", -3, [], "Refused: there are no scripts.", since: "7.0.0", group: .scripting),
        .outside("evalsha_ro", -3, [], "Refused: there are no scripts.", since: "7.0.0", group: .scripting),
        .outside("fcall", -3, [], "Refused: there are no functions.", since: "7.0.0", group: .scripting),
        .outside("fcall_ro", -3, [], "Refused: there are no functions.", since: "7.0.0", group: .scripting),
        .container(
            "slowlog", "Tells which commands took long.", since: "2.2.12", group: .server,
            [
                .outside("slowlog|get", -2, .admin, "Lists commands that took long.", since: "2.2.12"),
                .outside("slowlog|len", 2, .admin, "Counts them.", since: "2.2.12"),
                .outside("slowlog|reset", 2, .admin, "Forgets them.", since: "2.2.12"),
            ]),
        .container(
            "latency", "Tells how long commands took.", since: "2.8.13", group: .server,
            [
                .outside("latency|latest", 2, .admin, "Tells the latest and the highest.", since: "2.8.13"),
                .outside("latency|history", 3, .admin, "Those of one kind, by the second.", since: "2.8.13"),
                .outside("latency|graph", 3, .admin, "Draws those of one kind.", since: "2.8.13"),
                .outside("latency|doctor", 2, .admin, "Tells in a sentence.", since: "2.8.13"),
                .outside("latency|histogram", -2, .admin, "Tells how long commands took.", since: "7.0.0"),
                .outside("latency|reset", -2, .admin, "Forgets them, or those of some kinds.", since: "2.8.13"),
            ]),
    ]
}
