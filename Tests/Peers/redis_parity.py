#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs one random scenario against two servers of Redis's protocol and prints every reply that differs.

usage: redis_parity.py [--seed N] [--commands N] [--resp3] PORT PORT

Commands and options are those that both releases have. Replies are compared as bytes, but for what two runs of one
server differ in: moments, idle times, the order of members of sets, and what a server may choose at random. What the
first server leaves open or is known to answer otherwise stands in EXCUSED, with its reason. The exit status is 1 where
anything differs. Needs Python 3 alone.
"""

import argparse
import itertools
import random
import socket
import sys


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.file = self.socket.makefile("rb")

    def call(self, *words):
        data = b"*%d\r\n" % len(words)
        for word in words:
            word = word if isinstance(word, bytes) else str(word).encode()
            data += b"$%d\r\n%s\r\n" % (len(word), word)
        self.socket.sendall(data)
        return self.reply()

    def reply(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise EOFError("connection closed")
        kind, rest = line[:1], line[1:-2]
        if kind in b"+-:_#,(":
            return (kind.decode(), rest.decode("latin1"))
        if kind in b"$=":
            if rest == b"-1":
                return ("null", "$")
            text = self.file.read(int(rest) + 2)[:-2]
            return ("$", text.decode("latin1"))
        if kind in b"*~>%":
            if rest == b"-1":
                return ("null", "*")
            count = int(rest) * (2 if kind == b"%" else 1)
            return (kind.decode(), [self.reply() for _ in range(count)])
        raise ValueError(line)


KEYS = ["s1", "s2", "s3", "t1", "t2"]
GROUPS = ["g", "h"]
CONSUMERS = ["a", "b", "c"]


# A string, a list, a set of numbers, and what is none.
PAYLOADS = [bytes.fromhex(text) for text in (
    "00c00a0a006e9f57450eae63bb", "000568656c6c6f0a006372df766534200a",
    "0b0e0200000003000000fdff010002000a00d1b78ed9bc07c27f", "00c00a0a006e9f57450eae63bc", "", "0000000000")]


class Scenario:
    """Draws commands. IDs of entries are drawn as well, so that both servers have the same ones."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.last = 0
        # Moments that are the same for one of the two, and a millisecond apart for the other, are ordered otherwise.
        self.turns = itertools.count()

    def id(self):
        return "%d-%d" % (self.random.randint(0, self.last + 2), self.random.choice([0, 0, 0, 1, 2]))

    def bound(self):
        return self.random.choice(
            ["-", "+", self.id(), self.id(), "(" + self.id(), str(self.random.randint(0, 9)), "x"])

    def next(self):
        draw = self.random
        key, group, consumer = draw.choice(KEYS), draw.choice(GROUPS), draw.choice(CONSUMERS)
        count = draw.choice([1, 2, 3, 10])

        def add():
            self.last += draw.choice([0, 1, 1, 1])
            options = draw.choice([[], [], [], [], ["NOMKSTREAM"], ["MAXLEN", draw.randint(0, 12)],
                                   ["MINID", self.id()], ["MAXLEN", "x"], ["LIMIT", 3]])
            new = draw.choice(["%d-%d" % (self.last, draw.randint(0, 3)), "%d-*" % self.last, self.id(), "abc", "0-0"])
            pairs = [word for _ in range(draw.choice([1, 1, 2, 3]))
                     for word in (draw.choice(["f", "g", "name"]), draw.choice(["v", "17", "-3", "", "007"]))]
            return ["XADD", key] + options + [new] + pairs + draw.choice([[], [], [], [], [], [], ["odd"]])

        choices = [
            (12, add),
            (4, lambda: ["XRANGE", key, self.bound(), self.bound()]
             + draw.choice([[], ["COUNT", count], ["COUNT", 0], ["FOO"]])),
            (3, lambda: ["XREVRANGE", key, self.bound(), self.bound()] + draw.choice([[], ["COUNT", count]])),
            (2, lambda: ["XLEN", key]),
            (3, lambda: ["XDEL", key] + [self.id() for _ in range(draw.randint(1, 3))]),
            (2, lambda: ["XTRIM", key]
             + draw.choice([["MAXLEN", draw.randint(0, 20)], ["MINID", self.id()], ["MAXLEN", "=", -1], ["FOO", 1]])),
            (1, lambda: ["XSETID", key, self.id()]),
            (4, lambda: ["XGROUP", "CREATE", key, group, draw.choice(["0", "$", self.id()])]
             + draw.choice([[], ["MKSTREAM"]])),
            (2, lambda: ["XGROUP", "SETID", key, group, draw.choice(["0", "$", self.id()])]),
            (1, lambda: ["XGROUP", "DESTROY", key, group]),
            (1, lambda: ["XGROUP", "CREATECONSUMER", key, group, consumer]),
            (1, lambda: ["XGROUP", "DELCONSUMER", key, group, consumer]),
            (8, lambda: ["XREADGROUP", "GROUP", group, consumer] + draw.choice([[], ["COUNT", count], ["NOACK"]])
             + ["STREAMS", key, draw.choice([">", ">", ">", "0", self.id()])]),
            (3, lambda: ["XREAD"] + draw.choice([[], ["COUNT", count]])
             + ["STREAMS", key, draw.choice(KEYS), self.id(), draw.choice(["$", self.id()])]),
            (4, lambda: ["XACK", key, group] + [self.id() for _ in range(draw.randint(1, 4))]),
            (2, lambda: ["XPENDING", key, group]),
            (3, lambda: ["XPENDING", key, group, self.bound(), self.bound(), count] + draw.choice([[], [consumer]])),
            (3, lambda: ["XCLAIM", key, group, consumer, 0, self.id(), self.id()]
             + draw.choice([[], ["JUSTID"], ["FORCE"], ["RETRYCOUNT", 5], ["FOO"], ["LASTID", self.id()]])),
            (2, lambda: ["XAUTOCLAIM", key, group, consumer, 0, self.bound(), "COUNT", count]
             + draw.choice([[], ["JUSTID"]])),
            (1, lambda: ["XINFO", "CONSUMERS", key, group]),
            (1, lambda: ["DEL", key]),
            (1, lambda: ["RENAME", key, draw.choice(KEYS)]),
            (1, lambda: ["COPY", key, draw.choice(KEYS), "REPLACE"]),
            (2, lambda: ["EXISTS", key]),
            (2, lambda: ["TYPE", key]),
            (1, lambda: ["SET", key, draw.choice(["v", "12"])]
             + draw.choice([[], ["NX"], ["XX"], ["XX", "GET"], ["EX", 0]])),
            (1, lambda: ["GET", key]),
            (1, lambda: [draw.choice(["LPUSH", "RPUSH"]), key, "x", "y"]),
            (1, lambda: [draw.choice(["LPOP", "RPOP", "LLEN"]), key]),
            (1, lambda: ["LRANGE", key, draw.randint(-4, 4), draw.randint(-4, 4)]),
            (1, lambda: ["SADD", key, "m", "n"]),
            (1, lambda: [draw.choice(["SCARD", "SMEMBERS"]), key]),
            (1, lambda: ["INCRBY", key, draw.randint(-5, 5)]),
            (1, lambda: ["APPEND", key, "z"]),
            (1, lambda: ["GETRANGE", key, draw.randint(-4, 4), draw.randint(-4, 4)]),
            (1, lambda: ["EXPIRE", key, 1000 + next(self.turns) * 7919 % 100_003]
             + draw.choice([[], ["NX"], ["GT"], ["LT", "XX"]])),
            (1, lambda: ["PERSIST", key]),
            (1, lambda: ["DBSIZE"]),
            (1, lambda: ["LSET", key, draw.randint(-4, 4), "w"]),
            (1, lambda: ["LINSERT", key, draw.choice(["BEFORE", "AFTER", "BY"]), draw.choice(["x", "w", "q"]), "i"]),
            (2, lambda: ["LPOS", key, draw.choice(["x", "y", "i"])]
             + draw.choice([[], ["RANK", draw.randint(-2, 2)], ["COUNT", draw.randint(-1, 2)], ["MAXLEN", 2,
                            "RANK", -1], ["RANK", 2, "COUNT", 0], ["COUNT"], ["FOO", 1]])),
            (1, lambda: ["LREM", key, draw.randint(-2, 2), "x"]),
            (1, lambda: ["LTRIM", key, draw.randint(-4, 4), draw.randint(-4, 4)]),
            (1, lambda: ["SADD", key, draw.choice("mnop"), draw.choice("mnop")]),
            (1, lambda: ["SMOVE", key, draw.choice(KEYS), draw.choice("mnq")]),
            (2, lambda: [draw.choice(["SINTER", "SUNION", "SDIFF"]), key, draw.choice(KEYS)]),
            (2, lambda: [draw.choice(["SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"]), key, draw.choice(KEYS),
                         draw.choice(KEYS)]),
            (1, lambda: ["SINTERCARD", draw.choice([0, 1, 2, 2, 3, "x"]), key, draw.choice(KEYS)]
             + draw.choice([[], ["LIMIT", draw.randint(-1, 2)], ["LIMIT"]])),
            (1, lambda: ["INCRBYFLOAT", key, draw.choice(["1.5", "-0.25", "3", "1e2", "x", "nan", "inf", ""])]),
            (1, lambda: ["SETRANGE", key, draw.randint(-1, 6), draw.choice(["", "ab"])]),
            (1, lambda: ["SUBSTR", key, draw.randint(-4, 4), draw.randint(-4, 4)]),
            (1, lambda: ["RESTORE", key, draw.choice([0, 0, -1, "x"]), draw.choice(PAYLOADS)]
             + draw.choice([[], ["REPLACE"], ["REPLACE", "IDLETIME", 5], ["FREQ", 256], ["FREQ"]])),
            (1, lambda: [draw.choice(["XLEN", "GET", "XFOO", "XGROUP", "OBJECT"])]),
            (1, lambda: ["OBJECT", draw.choice(["ENCODING", "REFCOUNT"]), key]),
        ]
        weights = [weight for weight, _ in choices]
        return self.random.choices(choices, weights)[0][1]()


def excused(command, first, second):
    """Why two replies may differ, or None."""
    name = command[0].upper()
    if name in ("SMEMBERS", "SINTER", "SUNION", "SDIFF"):
        def members(reply):
            return sorted(text for _, text in reply[1]) if isinstance(reply[1], list) else reply
        if members(first) == members(second):
            return "sets have no order"
    if name == "XSETID":
        return "7.2 refuses IDs below the last deleted one"
    if name == "XREADGROUP" and first[0] == "-" and "Unbalanced" in first[1]:
        return "the text is newer"
    if name == "XINFO":
        return "7.2 has more columns, and makes consumers earlier"
    if name == "XGROUP" and command[1] in ("CREATECONSUMER",):
        return "7.2 makes consumers with reads that bring nothing"
    if name == "OBJECT" and len(command) > 2 and command[1] == "ENCODING":
        return "encodings are told as those of newer releases"
    if name == "OBJECT" and len(command) > 2 and command[1] == "REFCOUNT":
        return "small numbers are shared there"
    if first[0] == "-" and second[0] == "-" and first[1].startswith("ERR unknown command"):
        return "8.8 leaves out an empty tail"
    return None


def masked(command, reply):
    """Without idle times."""
    if command[0] == "XPENDING" and len(command) > 3 and reply[0] == "*":
        return ("*", [("*", [row[1][0], row[1][1], (":", "idle"), row[1][3]]) for row in reply[1]])
    return reply


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--commands", type=int, default=20000)
    parser.add_argument("--resp3", action="store_true")
    parser.add_argument("ports", type=int, nargs=2)
    arguments = parser.parse_args()
    first, second = (Connection(port) for port in arguments.ports)
    if arguments.resp3:
        for connection in (first, second):
            connection.call("HELLO", "3")
    for connection in (first, second):
        connection.call("FLUSHALL")
    scenario = Scenario(arguments.seed)
    differences, excuses, errors = 0, {}, 0
    for number in range(arguments.commands):
        command = scenario.next()
        replies = [masked(command, connection.call(*command)) for connection in (first, second)]
        errors += replies[0][0] == "-"
        if replies[0] == replies[1]:
            continue
        reason = excused(command, *replies)
        if reason:
            excuses[reason] = excuses.get(reason, 0) + 1
            if command[0] in ("XSETID",):
                # From here on the two would have different states.
                for connection in (first, second):
                    connection.call("DEL", command[1])
            continue
        differences += 1
        print("%d > %s\n  %s\n  %s" % (number, " ".join(map(str, command)), *replies))
        if differences >= 20:
            break
    print("seed %d: %d commands, %d errors in both, %d differences" % (arguments.seed, number + 1, errors, differences))
    for reason, count in sorted(excuses.items()):
        print("  excused %d: %s" % (count, reason))
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
