// SPDX-License-Identifier: Apache-2.0

extension CommandSyntax {
    /// By a command's name; of those that aren't here nothing stands behind it.
    static func of(_ entry: CommandEntry) -> CommandSyntax {
        known[entry.name] ?? CommandSyntax("")
    }

    private static let known = streams.merging(others) { _, _ in preconditionFailure("a command's words, twice") }
        .mapValues { CommandSyntax($0) }

    private static let expiry = """
        [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|KEEPTTL]
        """

    private static let others: [String: String] = [
        // Strings.
        "append": "key value", "decr": "key", "decrby": "key decrement", "get": "key", "getdel": "key",
        "getex": "key [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|PERSIST]",
        "getrange": "key start-index end-index", "getset": "key value", "incr": "key", "incrby": "key increment",
        "incrbyfloat": "key float", "mget": "key...", "mset": "(key value)...", "msetnx": "(key value)...",
        "psetex": "key milliseconds value", "set": "key value [NX|XX] [GET] " + expiry, "setex": "key seconds value",
        "setnx": "key value", "setrange": "key offset value", "strlen": "key", "substr": "key start-index end-index",
        // Lists.
        "blmove": "source destination (LEFT|RIGHT) (LEFT|RIGHT) timeout", "blpop": "key... timeout",
        "brpop": "key... timeout", "brpoplpush": "source destination timeout", "lindex": "key index",
        "linsert": "key (BEFORE|AFTER) pivot element", "llen": "key",
        "lmove": "source destination (LEFT|RIGHT) (LEFT|RIGHT)", "lpop": "key [count]",
        "lpos": "key element [RANK rank] [COUNT count] [MAXLEN len]", "lpush": "key element...",
        "lpushx": "key element...", "lrange": "key start-index end-index", "lrem": "key count element",
        "lset": "key index element", "ltrim": "key start-index end-index", "rpop": "key [count]",
        "rpoplpush": "source destination", "rpush": "key element...", "rpushx": "key element...",
        // Sets.
        "sadd": "key member...", "scard": "key", "sdiff": "key...", "sdiffstore": "destination key...",
        "sinter": "key...", "sintercard": "numkeys key... [LIMIT limit]", "sinterstore": "destination key...",
        "sismember": "key member", "smembers": "key", "smismember": "key member...",
        "smove": "source destination member", "spop": "key [count]", "srandmember": "key [count]",
        "srem": "key member...", "sscan": "key cursor [MATCH pattern] [COUNT count]", "sunion": "key...",
        "sunionstore": "destination key...",
        // Keys.
        "copy": "source destination [DB index] [REPLACE]", "del": "key...", "dump": "key", "exists": "key...",
        "expire": "key seconds [NX|XX|GT|LT]", "expireat": "key unix-time-seconds [NX|XX|GT|LT]",
        "expiretime": "key", "flushall": "[ASYNC|SYNC]", "flushdb": "[ASYNC|SYNC]", "keys": "pattern",
        "memory|usage": "key [SAMPLES count]", "move": "key index", "object|encoding": "key", "object|freq": "key",
        "object|idletime": "key", "object|refcount": "key", "persist": "key",
        "pexpire": "key milliseconds [NX|XX|GT|LT]", "pexpireat": "key unix-time-milliseconds [NX|XX|GT|LT]",
        "pexpiretime": "key", "pttl": "key", "rename": "key new-key", "renamenx": "key new-key",
        "restore": "key milliseconds serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ count]",
        "scan": "cursor [MATCH pattern] [COUNT count] [TYPE type]", "swapdb": "index index", "touch": "key...",
        "ttl": "key", "type": "key", "unlink": "key...",
        // Connections and transactions.
        "auth": "[username] password", "echo": "message",
        "hello": "[protover [AUTH username password] [SETNAME name]]", "ping": "[message]", "select": "index",
        "watch": "key...",
        "client|kill": """
        (address|(ID client-id|TYPE (NORMAL|MASTER|REPLICA|PUBSUB)|USER username|ADDR address|LADDR address|\
        SKIPME (YES|NO)|MAXAGE seconds)...)
        """,
        "client|list": """
        [ID client-id...|TYPE (NORMAL|MASTER|REPLICA|PUBSUB)|USER username|ADDR address|LADDR address|\
        SKIPME (YES|NO)|MAXAGE seconds]...
        """,
        "client|no-evict": "(ON|OFF)", "client|no-touch": "(ON|OFF)", "client|reply": "(ON|OFF|SKIP)",
        "client|setinfo": "(LIB-NAME|LIB-VER) value", "client|setname": "name",
        "client|unblock": "client-id [TIMEOUT|ERROR]",
        // Messages.
        "psubscribe": "pattern...", "publish": "channel message", "pubsub|channels": "[pattern]",
        "pubsub|numsub": "[channel]...", "pubsub|shardchannels": "[pattern]",
        "pubsub|shardnumsub": "[shardchannel]...", "punsubscribe": "[pattern]...",
        "spublish": "shardchannel message", "ssubscribe": "shardchannel...", "subscribe": "channel...",
        "sunsubscribe": "[shardchannel]...", "unsubscribe": "[channel]...",
        // The server.
        "acl|cat": "[category]", "acl|deluser": "username...", "acl|dryrun": "username command [argument]...",
        "acl|genpass": "[bits]", "acl|getuser": "username", "acl|log": "[count|RESET]",
        "acl|setuser": "username [rule]...", "bgsave": "[SCHEDULE]", "cluster": "subcommand [argument]...",
        "command|docs": "[name]...", "command|getkeys": "command [argument]...", "command|info": "[name]...",
        "command|list": "[FILTERBY (MODULE name|ACLCAT category|PATTERN pattern)]", "config|get": "pattern...",
        "config|set": "(setting value)...", "debug|log": "message", "debug|object": "key [option]...",
        "debug|reload": "[option]...", "debug|set-active-expire": "flag", "debug|sleep": "timeout",
        "info": "[section]...", "latency|graph": "event", "latency|histogram": "[command]...",
        "latency|history": "event", "latency|reset": "[event]...", "lolwut": "[VERSION version]",
        "shutdown": "[option]...", "slowlog|get": "[count]", "wait": "numreplicas milliseconds",
        "waitaof": "numlocal numreplicas milliseconds",
        // Scripts.
        "eval": "script numkeys [key]... [argument]...", "eval_ro": "script numkeys [key]... [argument]...",
        "evalsha": "sha1 numkeys [key]... [argument]...", "evalsha_ro": "sha1 numkeys [key]... [argument]...",
        "fcall": "function numkeys [key]... [argument]...", "fcall_ro": "function numkeys [key]... [argument]...",
        "function|flush": "[ASYNC|SYNC]", "function|list": "[LIBRARYNAME pattern] [WITHCODE]",
        "script|exists": "sha1...", "script|flush": "[ASYNC|SYNC]", "script|load": "script",
        // The key-value store: see `KeyWords`.
        "kv.put": "name value [LEASE lease] [PREVKV] [IGNOREVALUE] [IGNORELEASE]",
        "kv.get": """
        name [RANGE end|PREFIX|FROM] [LIMIT limit] [REVISION revision] \
        [SORT (KEY|VERSION|CREATE|MOD|VALUE) (ASC|DESC)] [KEYSONLY] [COUNTONLY] [MINMOD revision] \
        [MAXMOD revision] [MINCREATE revision] [MAXCREATE revision]
        """,
        "kv.del": "name [RANGE end|PREFIX|FROM] [PREVKV]",
        "kv.txn": """
        [IF count ([RANGE end] (VERSION|CREATE|MOD|VALUE|LEASE) name (=|!=|<|>) operand)...] \
        [THEN count (words (PUT|GET|DEL|TXN) [argument]...)...] \
        [ELSE count (words (PUT|GET|DEL|TXN) [argument]...)...]
        """,
    ]
}
