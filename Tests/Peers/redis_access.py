#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Gives two servers of Redis's protocol the same users, and prints what one lets a user do and the other doesn't.

usage: redis_access.py [--seed N] [--rounds N] PORT PORT

The first server is Redis 7.0, whose refusals have older texts: see `told`. Rules are drawn from those that both have.
Needs Python 3 alone.
"""

import argparse
import random
import re
import sys

from redis_connection import Connection

RULES = [
    "+@all", "-@all", "+@read", "-@read", "+@write", "-@write", "+@stream", "-@stream", "+@dangerous",
    "-@dangerous", "+@fast", "-@slow", "+@keyspace", "-@string", "+@list", "-@set", "+@blocking", "-@admin",
    "+@pubsub", "+@transaction", "-@connection", "+@scripting", "+get", "-get", "+set", "-xadd", "+xadd",
    "+config|get", "-config", "+client|id", "-client|list", "+xgroup|create", "-xgroup", "+xinfo",
    "+object|encoding", "allkeys", "resetkeys", "~k*", "%R~r*", "%W~w*", "%RW~b?", "~[ab]*", "allchannels",
    "resetchannels", "&c*", "&news.?", "nocommands", "allcommands", "(+get ~s*)", "(+@write %W~k1)",
    "(+@all -@dangerous ~x* &x*)", "clearselectors", "on", "off", "nopass", ">pw", "<pw", "resetpass", "foo",
    "+nope", "+@nope", "+select|1", "+select|2", "+get|k1", "+GET|S1", "+ttl|x", "-select|1", "+select|", "+get|k1|x",
    "+config|get|x", "+nope|x", "(+select|1 ~x)", "~", "%Q~x", "#00", "+get|", "+config|nope", "(+get", "reset"]

KEYS = ["k1", "k2", "r1", "w1", "b1", "a", "s1", "x", "x1", "q"]

COMMANDS = [
    "GET K", "SET K v", "SET K v GET", "GETDEL K", "APPEND K v", "INCR K", "STRLEN K", "MGET K K",
    "MSET K v K v", "DEL K K", "EXISTS K", "TYPE K", "TTL K", "EXPIRE K 10", "RENAME K K", "COPY K K",
    "MOVE K 1", "DUMP K", "OBJECT ENCODING K", "LPUSH K v", "LPOP K", "BLPOP K K 0", "LMOVE K K LEFT LEFT",
    "LRANGE K 0 1", "LLEN K", "LINSERT K BEFORE a b", "SADD K v", "SPOP K", "SMOVE K K v", "SISMEMBER K v",
    "SMEMBERS K", "SUNION K K", "SINTERSTORE K K K", "SINTERCARD 2 K K", "XADD K * f v", "XLEN K",
    "XRANGE K - +", "XREAD STREAMS K K 0 0", "XREADGROUP GROUP g c STREAMS K >", "XGROUP CREATE K g 0",
    "XINFO STREAM K", "XACK K g 0-1", "XDEL K 0-1", "XCLAIM K g c 0 0-1", "XPENDING K g", "XTRIM K MAXLEN 1",
    "SUBSCRIBE c1 news.1", "PSUBSCRIBE c*", "PUBLISH x m", "PUBLISH c1 m", "KEYS *", "SCAN 0", "DBSIZE",
    "FLUSHALL", "FLUSHDB", "SWAPDB 0 1", "RANDOMKEY", "PING", "ECHO x", "SELECT 1", "AUTH x", "HELLO 3", "QUIT",
    "RESET", "MULTI", "EXEC", "DISCARD", "WATCH K", "UNWATCH", "CLIENT ID", "CLIENT LIST", "CLIENT KILL x",
    "CONFIG GET x", "CONFIG SET x y", "INFO", "TIME", "ROLE", "MONITOR", "SLOWLOG GET", "LATENCY LATEST",
    "MODULE LIST", "SCRIPT FLUSH", "EVAL x 0", "COMMAND COUNT", "ACL WHOAMI", "ACL LIST", "ACL SETUSER x",
    "WAIT 0 0", "LASTSAVE", "SAVE", "BGSAVE", "MEMORY USAGE K", "PUBSUB CHANNELS", "UNSUBSCRIBE",
    "RESTORE K 0 x", "LOLWUT", "READONLY", "SETRANGE K 0 v", "LSET K 0 v"]

# What 7.0 has otherwise than releases behind it, or than we have on purpose.
DIFFERENT = {
    # There are no scripts: what a script's commands and keys would be is not asked.
    "EVAL x 0",
}


def told(reply):
    """A refusal as newer releases word it."""
    kind, text = reply
    if isinstance(text, str):
        text = text.replace("This user has", "User al has")
        # Ours has no longer what was given as a password.
        text = re.sub("modifier '[<!][^']*'", "modifier of a password", text)
    return (kind, text)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=150)
    parser.add_argument("ports", type=int, nargs=2)
    arguments = parser.parse_args()
    servers = [Connection(port) for port in arguments.ports]
    draw = random.Random(arguments.seed)
    differences, asked, refused = 0, 0, 0

    def both(*words):
        nonlocal differences
        replies = [told(server.call(*words)) for server in servers]
        if replies[0] != replies[1]:
            differences += 1
            print("%s\n  %s\n  %s\n  with %s" % (" ".join(words), *replies, rules))
        return replies[1]

    rules = []
    for _ in range(arguments.rounds):
        if draw.random() < 0.3:
            both("ACL", "DELUSER", "al")
            rules = []
        new = [draw.choice(RULES) for _ in range(draw.randint(1, 4))]
        if both("ACL", "SETUSER", "al", *new)[0] == "+":
            rules = rules + new
        for _ in range(25):
            command = draw.choice(COMMANDS)
            words = [draw.choice(KEYS) if word == "K" else word for word in command.split()]
            if command in DIFFERENT:
                continue
            reply = both("ACL", "DRYRUN", "al", *words)
            asked += 1
            refused += reply != ("+", "OK")
        if differences >= 20:
            break
    print("seed %d: %d asked, %d refused, %d differences" % (arguments.seed, asked, refused, differences))
    sys.exit(1 if differences or not refused or refused == asked else 0)


if __name__ == "__main__":
    main()
