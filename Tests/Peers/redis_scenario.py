# SPDX-License-Identifier: Apache-2.0
"""Draws the commands of redis_parity.py. Needs Python 3 alone."""

import collections
import functools
import itertools
import random

STREAMS = ["s1", "s2", "s3"]
# Of other types, mostly.
OTHERS = {"string": ["t1"], "list": ["l1", "l2"], "set": ["q1", "q2"]}
KEYS = STREAMS + [key for keys in OTHERS.values() for key in keys]
GROUPS = ["g", "h"]
CONSUMERS = ["a", "b", "c"]
# Idle times are either of this run or as if from the beginning of Unix's clock.
LONG_IDLE = 10 ** 11

# A string, a list, a set of numbers, and what is none.
PAYLOADS = [bytes.fromhex(text) for text in (
    "00c00a0a006e9f57450eae63bb", "000568656c6c6f0a006372df766534200a",
    "0b0e0200000003000000fdff010002000a00d1b78ed9bc07c27f", "00c00a0a006e9f57450eae63bc", "", "0000000000")]


class Scenario:
    """Draws commands. IDs of entries are drawn as well, so that both servers have the same ones."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.last = 0
        # IDs of what was added, or was to be.
        self.added = collections.deque(["0-1"], maxlen=30)
        # Moments that are the same for one of the two, and a millisecond apart for the other, are ordered otherwise.
        self.turns = itertools.count()

    # Words

    def id(self):
        """Mostly one of the newest, so that it is there."""
        if self.random.random() < 0.75:
            return self.random.choice(self.added)
        lowest = max(0, self.last - 25) if self.random.random() < 0.9 else 0
        return "%d-%d" % (self.random.randint(lowest, self.last + 2), self.random.choice([0, 0, 0, 1, 2]))

    def ids(self, most):
        return [self.id() for _ in range(self.random.randint(1, most))]

    def bound(self):
        return self.random.choice(["-", "+", "-", "+", self.id(), self.id(), self.id(), "(" + self.id(),
                                   str(self.last - self.random.randint(0, 9)), "x"])

    def stream(self):
        return self.random.choice(STREAMS if self.random.random() < 0.97 else KEYS)

    def other(self, kind):
        return self.random.choice(OTHERS[kind] if self.random.random() < 0.9 else KEYS)

    def key(self):
        return self.random.choice(KEYS)

    def group(self):
        return self.random.choice(GROUPS)

    def consumer(self):
        return self.random.choice(CONSUMERS)

    def trimming(self):
        """What XADD and XTRIM have in common."""
        draw = self.random
        limit = draw.choice([[], [], ["LIMIT", draw.choice([0, 1, 3, 5, 10, 20])]])
        return draw.choice([
            ["MAXLEN", draw.randint(0, 20)], ["MINID", self.id()], ["MAXLEN", "=", draw.randint(0, 20)],
            ["MINID", "=", self.id()], ["MAXLEN", "~", draw.randint(0, 20)] + limit, ["MINID", "~", self.id()] + limit,
            ["MAXLEN", "~", draw.randint(0, 20)] + limit, draw.choice([
                ["MAXLEN", "x"], ["LIMIT", 3], ["MAXLEN", -1], ["MAXLEN", 3, "LIMIT", 2],
                ["MAXLEN", "~", 3, "LIMIT", -1], ["MAXLEN", 3, "MINID", 3], ["MINID", "x"],
                ["MAXLEN", "=", 5, "LIMIT", 0]])])

    def idle(self):
        return self.random.choice([0, 0, 0, LONG_IDLE, LONG_IDLE, -1])

    # Commands

    def add(self):
        draw = self.random
        self.last += draw.choice([0, 1, 1, 1])
        options = draw.choice([[], [], [], [], ["NOMKSTREAM"], self.trimming(), ["NOMKSTREAM"] + self.trimming()])
        top = "%d-%d" % (self.last, draw.choice([0, 0, 0, 1, 2, 3]))
        self.added.append(top)
        new = draw.choice([top] * 6 + ["%d-*" % self.last] * 3 + [self.id(), "abc", "0-0"])
        pairs = [word for _ in range(draw.choice([1, 1, 2, 3]))
                 for word in (draw.choice(["f", "g", "name"]), draw.choice(["v", "17", "-3", "", "007"]))]
        return ["XADD", self.stream()] + options + [new] + pairs + draw.choice([[]] * 14 + [["odd"]])

    def claim_options(self):
        draw = self.random
        options = [word for words in draw.sample([
            ["JUSTID"], ["FORCE"], ["RETRYCOUNT", draw.choice([0, 1, 5, -1])], ["LASTID", self.id()],
            ["TIME", draw.choice([1, 5000, 77000, -5])], ["IDLE", draw.choice([0, 3 * LONG_IDLE, -7])]],
            draw.choice([0, 1, 1, 2, 3])) for word in words]
        return options + draw.choice([[]] * 12 + [["FOO"], ["RETRYCOUNT", "x"], ["LASTID", "x"]])

    def new(self):
        return self.random.choice(["0", "$", self.id()])

    def counted(self):
        return self.random.choice([[], [], ["ENTRIESREAD", self.random.choice([-1, -1, 0, 1, 2, 5, 5, "x", -2])]])

    def of_streams(self):
        draw = self.random
        count = draw.choice([1, 2, 3, 10])
        return [
            (20, self.add),
            (4, lambda: ["XRANGE", self.stream(), self.bound(), self.bound()]
             + draw.choice([[], ["COUNT", count], ["COUNT", 0], ["FOO"]])),
            (3, lambda: ["XREVRANGE", self.stream(), self.bound(), self.bound()] + draw.choice([[], ["COUNT", count]])),
            (2, lambda: ["XLEN", self.stream()]),
            (3, lambda: ["XDEL", self.stream()] + self.ids(3)),
            (4, lambda: ["XTRIM", self.stream()] + draw.choice([self.trimming()] * 9 + [["FOO", 1]])),
            (2, lambda: ["XSETID", self.stream(), draw.choice([self.id(), "%d-0" % (self.last + 1)])]
             + draw.choice([[], [], ["ENTRIESADDED", draw.randint(-1, 60), "MAXDELETEDID", self.id()],
                            ["ENTRIESADDED", 40, "MAXDELETEDID", "0-0"], ["ENTRIESADDED", 4]])),
            (8, lambda: ["XGROUP", "CREATE", self.stream(), self.group(), self.new()]
             + draw.choice([[], ["MKSTREAM"]]) + self.counted()),
            (3, lambda: ["XGROUP", "SETID", self.stream(), self.group(), self.new()] + self.counted()),
            (0.5, lambda: ["XGROUP", "DESTROY", self.stream(), self.group()]),
            (1, lambda: ["XGROUP", "CREATECONSUMER", self.stream(), self.group(), self.consumer()]),
            (2, lambda: ["XGROUP", "DELCONSUMER", self.stream(), self.group(), self.consumer()]),
            (12, lambda: ["XREADGROUP", "GROUP", self.group(), self.consumer()]
             + draw.choice([[], ["COUNT", count], ["NOACK"], ["COUNT", count, "NOACK"]])
             + draw.choice([["STREAMS", self.stream(), draw.choice([">", ">", ">", "0", self.id()])],
                            ["STREAMS", self.stream(), self.stream(), ">", draw.choice([">", "0"])]])),
            (3, lambda: ["XREAD"] + draw.choice([[], ["COUNT", count]])
             + ["STREAMS", self.stream(), self.stream(), self.id(), draw.choice(["$", self.id()])]),
            (5, lambda: ["XACK", self.stream(), self.group()] + self.ids(6)),
            (3, lambda: ["XPENDING", self.stream(), self.group()]),
            (4, lambda: ["XPENDING", self.stream(), self.group()] + draw.choice([[], [], ["IDLE", self.idle()]])
             + [self.bound(), self.bound(), count] + draw.choice([[], [self.consumer()]])),
            (6, lambda: ["XCLAIM", self.stream(), self.group(), self.consumer(), self.idle()]
             + self.ids(4) + self.claim_options()),
            (5, lambda: ["XAUTOCLAIM", self.stream(), self.group(), self.consumer(), self.idle(), self.bound()]
             + draw.choice([[], ["COUNT", count], ["COUNT", count, "JUSTID"], ["JUSTID"], ["COUNT", 0]])),
            (2, lambda: ["XINFO", "STREAM", self.stream()]),
            (3, lambda: ["XINFO", "STREAM", self.stream(), "FULL"]
             + draw.choice([[], ["COUNT", draw.choice([0, 1, 3, -1])], ["COUNT"], ["FOO"]])),
            (3, lambda: ["XINFO", "GROUPS", self.stream()]),
            (3, lambda: ["XINFO", "CONSUMERS", self.stream(), self.group()]),
        ]

    def of_keys(self):
        draw = self.random
        return [
            (0.5, lambda: ["DEL", self.key()]),
            (0.5, lambda: ["UNLINK", self.key(), self.key()]),
            (1, lambda: [draw.choice(["RENAME", "RENAMENX"]), self.key(), self.key()]),
            (1, lambda: ["COPY", self.key(), self.key()] + draw.choice([[], ["REPLACE"]])),
            (2, lambda: ["EXISTS", self.key()]),
            (2, lambda: ["TYPE", self.key()]),
            (1, lambda: ["EXPIRE", self.key(), 1000 + next(self.turns) * 7919 % 100_003]
             + draw.choice([[], ["NX"], ["GT"], ["LT", "XX"]])),
            (1, lambda: [draw.choice(["EXPIREAT", "EXPIREAT", "PEXPIREAT"]), self.key(),
                         draw.choice([draw.randint(4_000_000_000, 4_000_000_009)] * 14 + [1])]
             + draw.choice([[], ["NX"], ["XX"], ["GT"], ["LT"], ["NX", "GT"]])),
            (2, lambda: [draw.choice(["EXPIRETIME", "PEXPIRETIME", "TTL", "PTTL"]), self.key()]),
            (1, lambda: ["PERSIST", self.key()]),
            (1, lambda: ["TOUCH", self.key(), self.key()]),
            (1, lambda: ["DBSIZE"]),
            (1, lambda: draw.choice([["PING"], ["ECHO", "x"], ["CLIENT", "GETNAME"], ["TIME", "x"]])),
            (1, lambda: ["KEYS", draw.choice(["*", "s*", "t?", "[st]1"])]),
            (1, lambda: ["OBJECT", draw.choice(["ENCODING", "REFCOUNT"]), self.key()]),
            (1, lambda: [draw.choice(["XLEN", "GET", "XFOO", "XGROUP", "OBJECT"])]),
        ]

    def of_other_types(self):
        draw = self.random
        text, items, members = (functools.partial(self.other, kind) for kind in ("string", "list", "set"))
        return [
            (1, lambda: ["SET", text(), draw.choice(["v", "12"])]
             + draw.choice([[], ["NX"], ["XX"], ["XX", "GET"], ["EX", 0]])),
            (1, lambda: ["GET", text()]),
            (1, lambda: [draw.choice(["LPUSH", "RPUSH"]), items(), "x", "y"]),
            (1, lambda: [draw.choice(["LPOP", "RPOP", "LLEN"]), items()]),
            (1, lambda: ["LRANGE", items(), draw.randint(-4, 4), draw.randint(-4, 4)]),
            (1, lambda: ["SADD", members(), "m", "n"]),
            (1, lambda: [draw.choice(["SCARD", "SMEMBERS"]), members()]),
            (1, lambda: ["INCRBY", text(), draw.randint(-5, 5)]),
            (1, lambda: ["APPEND", text(), "z"]),
            (1, lambda: ["GETRANGE", text(), draw.randint(-4, 4), draw.randint(-4, 4)]),
            (1, lambda: ["LSET", items(), draw.randint(-4, 4), "w"]),
            (1, lambda: ["LINSERT", items(), draw.choice(["BEFORE", "AFTER", "BY"]), draw.choice("xwq"), "i"]),
            (2, lambda: ["LPOS", items(), draw.choice("xyi")]
             + draw.choice([[], ["RANK", draw.randint(-2, 2)], ["COUNT", draw.randint(-1, 2)], ["MAXLEN", 2,
                            "RANK", -1], ["RANK", 2, "COUNT", 0], ["COUNT"], ["FOO", 1]])),
            (1, lambda: ["LREM", items(), draw.randint(-2, 2), "x"]),
            (1, lambda: ["LTRIM", items(), draw.randint(-4, 4), draw.randint(-4, 4)]),
            (1, lambda: ["SADD", members(), draw.choice("mnop"), draw.choice("mnop")]),
            (1, lambda: ["SMOVE", members(), members(), draw.choice("mnq")]),
            (2, lambda: [draw.choice(["SINTER", "SUNION", "SDIFF"]), members(), members()]),
            (2, lambda: [draw.choice(["SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"]), members(), members(), members()]),
            (1, lambda: ["SINTERCARD", draw.choice([0, 1, 2, 2, 3, "x"]), members(), members()]
             + draw.choice([[], ["LIMIT", draw.randint(-1, 2)], ["LIMIT"]])),
            (1, lambda: ["INCRBYFLOAT", text(), draw.choice(["1.5", "-0.25", "3", "1e2", "x", "nan", "inf", ""])]),
            (1, lambda: ["SETRANGE", text(), draw.randint(-1, 6), draw.choice(["", "ab"])]),
            (1, lambda: ["SUBSTR", text(), draw.randint(-4, 4), draw.randint(-4, 4)]),
            (1, lambda: ["RESTORE", text(), draw.choice([0, 0, -1, "x"]), draw.choice(PAYLOADS)]
             + draw.choice([[], ["REPLACE"], ["REPLACE", "IDLETIME", 5], ["FREQ", 256], ["FREQ"]])),
        ]

    def outside(self):
        """What stands in no transaction: it takes several calls, or is about the connection."""
        draw = self.random
        return [
            (2, lambda: ["SCAN"] + draw.choice([[], ["MATCH", "s*"], ["TYPE", "stream"], ["COUNT", 1],
                                                ["TYPE", "list", "COUNT", 2], ["TYPE", "nope"]])),
            (0.5, lambda: ["CONFIG", "SET", "stream-node-max-entries", draw.choice([1, 2, 3, 5, 10])]),
            (0.5, lambda: ["HELLO", draw.choice([2, 3, 3, 4])]),
        ]

    def of_transactions(self):
        return [
            (3, lambda: ["MULTI"]),
            (3, lambda: ["WATCH", self.key(), self.key()]),
            (0.3, lambda: ["UNWATCH"]),
            (0.2, lambda: [self.random.choice(["EXEC", "DISCARD"])]),
        ]

    def pick(self, choices):
        return self.random.choices(choices, [weight for weight, _ in choices])[0][1]()

    def next(self, is_queueing):
        """The next command of a client that is within MULTI or isn't."""
        common = self.of_streams() + self.of_keys() + self.of_other_types()
        if not is_queueing:
            return self.pick(common + self.outside() + self.of_transactions())
        ends = [(30, lambda: ["EXEC"]), (2, lambda: ["DISCARD"]), (1, lambda: ["MULTI"]), (1, lambda: ["WATCH", "s1"]),
                (6, lambda: self.waiting())]
        return self.pick(common + ends)

    def waiting(self):
        """A command that waits until something comes, unless it is in a transaction."""
        draw = self.random
        count = draw.choice([[], ["COUNT", draw.randint(1, 3)]])
        return self.pick([
            (3, lambda: ["XREAD"] + count + ["BLOCK", 0, "STREAMS", self.stream(), draw.choice(["$", "$", self.id()])]),
            (2, lambda: ["XREAD"] + count
             + ["BLOCK", 0, "STREAMS", self.stream(), self.stream(), "$", draw.choice(["$", self.id()])]),
            (6, lambda: ["XREADGROUP", "GROUP", self.group(), self.consumer()] + count
             + draw.choice([[], [], ["NOACK"]]) + ["BLOCK", 0, "STREAMS", self.stream(), ">"]),
            (1, lambda: [draw.choice(["BLPOP", "BRPOP"]), self.other("list"), self.other("list"), 0]),
            (1, lambda: ["BLMOVE", self.other("list"), self.other("list"), "LEFT", "RIGHT", 0]),
        ])
