#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Carries keys from one server of Redis's protocol to the other and back, by DUMP and RESTORE.

usage: redis_dump.py [--seed N] [--keys N] PORT PORT

Random values are made at the first server, restored at the second, compared, dumped there, restored at the first under
another name, and compared again; then the same the other way. Payloads with damage, their checksums made anew, are
restored at both: neither may go away. Needs Python 3 alone.
"""

import argparse
import random
import struct
import sys

from redis_connection import Connection

TABLE = []
for _byte in range(256):
    for _ in range(8):
        _byte = _byte >> 1 ^ 0x95AC9329AC4BC9B5 if _byte & 1 else _byte >> 1
    TABLE.append(_byte)


def checksum(data):
    total = 0
    for byte in data:
        total = TABLE[(total ^ byte) & 255] ^ total >> 8
    return total


def finished(content):
    data = content + struct.pack("<H", 10)
    return data + struct.pack("<Q", checksum(data))


def text(draw):
    kind = draw.randrange(7)
    if kind == 0:
        return str(draw.choice([0, 1, -1, 127, 128, -129, 4095, 4096, -4097, 32768, 8388608, 2**31, 2**63 - 1, -2**63]))
    if kind == 1:
        return "abcab" * draw.randint(1, 2000)
    if kind == 2:
        return bytes(draw.randrange(256) for _ in range(draw.choice([0, 1, 63, 64, 100, 5000])))
    if kind == 3:
        return "0" + str(draw.randrange(1000))
    return "v%d" % draw.randrange(1000)


def fill(server, key, draw):
    """Makes a key of a random type."""
    kind = draw.choice(["string", "list", "set", "numbers", "stream", "stream"])
    server.call("DEL", key)
    if kind == "string":
        server.call("SET", key, text(draw))
    elif kind == "list":
        for _ in range(draw.choice([1, 5, 300])):
            server.call("RPUSH", key, text(draw))
    elif kind == "set":
        for _ in range(draw.choice([1, 5, 300])):
            server.call("SADD", key, text(draw))
    elif kind == "numbers":
        width = draw.choice([100, 10**6, 10**15])
        server.call("SADD", key, *[draw.randint(-width, width) for _ in range(draw.choice([1, 20, 600]))])
    else:
        stream(server, key, draw)


def stream(server, key, draw):
    number = 0
    for _ in range(draw.choice([0, 1, 20, 350])):
        number += draw.choice([0, 1, 1, 1000])
        fields = draw.choice([["f"], ["f", "g"], ["f", "g", "h", "f"]])
        pairs = [word for name in fields for word in (name, text(draw))]
        server.call("XADD", key, "%d-%d" % (number + 1, draw.randint(0, 2**40)), *pairs)
    for group in draw.choice([[], ["g"], ["g", "h"]] if number else [["g"], ["g", "h"]]):
        server.call("XGROUP", "CREATE", key, group, draw.choice(["0", "$", "5"]), "MKSTREAM")
        for consumer in draw.choice([[], ["a"], ["a", "b", "c"]]):
            server.call("XREADGROUP", "GROUP", group, consumer, "COUNT", draw.randint(1, 50), "STREAMS", key, ">")
        server.call("XGROUP", "CREATECONSUMER", key, group, "idle")
    entries = server.call("XRANGE", key, "-", "+")[1]
    for entry in entries:
        if isinstance(entry, tuple) and draw.random() < 0.2:
            server.call("XDEL", key, entry[1][0][1])


def content(server, key):
    """All that both servers tell about a key in the same words."""
    kind = server.call("TYPE", key)[1]
    told = [kind]
    if kind == "string":
        told.append(server.call("GET", key))
    elif kind == "list":
        told.append(server.call("LRANGE", key, 0, -1))
    elif kind == "set":
        told.append(sorted(server.call("SMEMBERS", key)[1]))
    elif kind == "stream":
        told.append(server.call("XRANGE", key, "-", "+"))
        infos = server.call("XINFO", "STREAM", key)[1]
        facts = {infos[place][1]: infos[place + 1] for place in range(0, len(infos), 2)}
        for name in ("length", "last-generated-id", "max-deleted-entry-id", "entries-added", "groups"):
            told.append((name, facts[name]))
        for group in server.call("XINFO", "GROUPS", key)[1]:
            facts = {group[1][place][1]: group[1][place + 1] for place in range(0, len(group[1]), 2)}
            told.append([facts[name] for name in ("name", "consumers", "pending", "last-delivered-id", "entries-read")])
            pending = server.call("XPENDING", key, facts["name"][1], "-", "+", 10000)[1]
            told.append([(row[1][0], row[1][1], row[1][3]) for row in pending])
            consumers = server.call("XINFO", "CONSUMERS", key, facts["name"][1])[1]
            told.append([(row[1][1], row[1][3]) for row in consumers])
    return told


def carry(source, target, key, problems):
    payload = source.call("DUMP", key)
    name = key + ":" + "carried"
    reply = target.call("RESTORE", name, 0, payload[1].encode("latin1"), "REPLACE")
    if reply != ("+", "OK"):
        problems.append("%s: %r for %r" % (key, reply, payload[1][:200]))
        return name
    if content(source, key) != content(target, name):
        problems.append("%s differs:\n  %r\n  %r" % (key, content(source, key), content(target, name)))
    return name


def damage(payload, draw):
    data = bytearray(payload[:-10])
    for _ in range(draw.randint(1, 3)):
        place = draw.randrange(len(data))
        data[place] = draw.choice([0, 1, 127, 255, data[place] ^ 1 << draw.randrange(8)])
    return finished(bytes(data))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--keys", type=int, default=60)
    parser.add_argument("ports", type=int, nargs=2)
    arguments = parser.parse_args()
    servers = [Connection(port) for port in arguments.ports]
    draw = random.Random(arguments.seed)
    problems, refused = [], 0
    for server in servers:
        server.call("FLUSHALL")
    for number in range(arguments.keys):
        for source, target in (servers, servers[::-1]):
            key = "k%d" % number
            fill(source, key, draw)
            carried = carry(source, target, key, problems)
            carry(target, source, carried, problems)
            payload = source.call("DUMP", key)[1].encode("latin1")
            for _ in range(20):
                # The second server is ours: the first need not withstand everything.
                reply = servers[1].call("RESTORE", "damaged", 0, damage(payload, draw), "REPLACE")
                refused += reply[0] == "-"
    if servers[1].call("PING") != ("+", "PONG"):
        problems.append("the server went away")
    print("seed %d: %d keys each way, %d damaged payloads refused, %d problems"
          % (arguments.seed, arguments.keys, refused, len(problems)))
    for problem in problems[:10]:
        print(problem[:2000])
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
