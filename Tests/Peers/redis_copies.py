#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fills a stream, or tells what is in one, through redis-py.

usage: redis_copies.py PORT fill STREAM ENTRIES
       redis_copies.py PORT tell STREAM

`fill` leaves two groups, one of which has entries pending, and deletes some entries. `tell` prints the stream's length
and a digest of its entries, groups and what is pending; the same for streams that read the same.
"""

import hashlib
import sys

import redis

PAGE = 1_000
VALUE_BYTES = 200


def fill(client, stream, entries):
    for first in range(0, entries, PAGE):
        with client.pipeline(transaction=False) as pipe:
            for number in range(first, min(first + PAGE, entries)):
                pipe.xadd(stream, {"n": number, "v": f"{number:0{VALUE_BYTES}}"}, id=f"{number + 1}-0")
            pipe.execute()
    client.xgroup_create(stream, "all", id="0")
    client.xgroup_create(stream, "late", id=f"{entries // 2}-0")
    client.xreadgroup("all", "one", {stream: ">"}, count=entries // 4)
    client.xack(stream, "all", *[f"{number}-0" for number in range(1, entries // 4, 3)])
    client.xdel(stream, *[f"{number}-0" for number in range(7, entries, 97)])


def pages(client, stream):
    first = "-"
    while True:
        page = client.xrange(stream, first, "+", count=PAGE)
        yield from page
        if len(page) < PAGE:
            return
        first = f"({page[-1][0].decode()}"


def tell(client, stream):
    digest = hashlib.sha256()
    count = 0
    for entry in pages(client, stream):
        digest.update(repr(entry).encode())
        count += 1
    groups = client.xinfo_groups(stream)
    digest.update(repr(groups).encode())
    for group in groups:
        pending = client.xpending_range(stream, group["name"], "-", "+", 1_000_000)
        digest.update(repr([(row["message_id"], row["consumer"], row["times_delivered"]) for row in pending]).encode())
    assert count == client.xlen(stream), (count, client.xlen(stream))
    print(count, digest.hexdigest())


def main():
    port, what, stream, *rest = sys.argv[1:]
    client = redis.Redis(port=int(port))
    if what == "fill":
        fill(client, stream, int(rest[0]))
    else:
        tell(client, stream)


main()
