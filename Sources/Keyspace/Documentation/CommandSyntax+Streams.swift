// SPDX-License-Identifier: Apache-2.0

extension CommandSyntax {
    private static let trim = """
        [KEEPREF|DELREF|ACKED] (MAXLEN|MINID) [=|~] threshold [LIMIT count]
        """
    private static let reading = """
        [COUNT count] [MAXCOUNT count] [MAXSIZE bytes] [BLOCK milliseconds]
        """
    private static let selection = "[FILTER field value]... [NOVALUES]"

    /// Redis's commands on streams with what they take beside, and ours.
    static let streams: [String: String] = [
        "xadd": """
        key [NOMKSTREAM] [KEEPREF|DELREF|ACKED] [IDMPAUTO producer|IDMP producer iid] \
        [(MAXLEN|MINID) [=|~] threshold [LIMIT count]] [DELAY milliseconds|AT unix-time-milliseconds] \
        [TTL milliseconds] [PRIORITY priority] (*|id) (field value)...
        """,
        "xlen": "key [start end]",
        "xrange": "key start end [COUNT count] " + selection,
        "xrevrange": "key end start [COUNT count] " + selection,
        "xread": reading + " " + selection + " STREAMS key... id...",
        "xreadgroup": """
        GROUP group consumer \(reading) [CLAIM milliseconds] [NOACK] [MKGROUP id] [NOVALUES] STREAMS key... id...
        """,
        "xdel": "key id...",
        "xdelex": "key [KEEPREF|DELREF|ACKED] IDS count id...",
        "xackdel": "key group [KEEPREF|DELREF|ACKED] IDS count id...",
        "xtrim": "key " + trim,
        "xsetid": "key last-id [ENTRIESADDED entries-added] [MAXDELETEDID id]",
        "xack": "key group id...",
        "xnack": "key group (SILENT|FAIL|FATAL) IDS count id... [RETRYCOUNT count] [FORCE]",
        "xpending": "key group [[IDLE milliseconds] start end count [consumer]]",
        "xclaim": """
        key group consumer milliseconds id... [IDLE milliseconds] [TIME unix-time-milliseconds] \
        [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID id]
        """,
        "xautoclaim": "key group consumer milliseconds start [COUNT count] [JUSTID]",
        "xcfgset": "key [IDMP-DURATION seconds] [IDMP-MAXSIZE iid-count]",
        "xidmprecord": "key producer iid id",
        "xdelayed": "key start end [COUNT count]",
        "xcancel": "key handle...",
        "xretain": "key (OFF|MAXAGE milliseconds|MAXBYTES bytes|MAXLEN count|ACKED)...",
        "xreplay": "dead-letter-key key [COUNT count] [ANY]",
        "xcron|set": """
        key name schedule [TZ zone] [GRACE milliseconds] [PRIORITY priority] * (field value)...
        """,
        "xcron|del": "key name",
        "xcron|list": "key",
        "xgroup|create": "key group (id|$) [MKSTREAM] [ENTRIESREAD entries-read]",
        "xgroup|setid": "key group (id|$) [ENTRIESREAD entries-read]",
        "xgroup|destroy": "key group",
        "xgroup|createconsumer": "key group consumer",
        "xgroup|delconsumer": "key group consumer [IFEMPTY|TO other]",
        "xgroup|setpolicy": """
        key group (OFF|VISIBILITY milliseconds|MAXDELIVERIES count|DEADLETTER dead-letter-key|ORDERBY field|\
        DELIVER (PRIORITY|ID)|IDLECONSUMERS milliseconds|FILTER field value)...
        """,
        "xinfo|stream": "key [FULL [COUNT count]]",
        "xinfo|groups": "key",
        "xinfo|consumers": "key group",
    ]
}
