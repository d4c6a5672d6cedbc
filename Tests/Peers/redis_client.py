#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Uses a server of Redis's protocol through redis-py, in both protocols, blocking and asyncio.

usage: redis_client.py PORT
"""

import asyncio
import sys
import threading
import time

import redis
import redis.asyncio


def streams(client):
    client.flushall()
    first = client.xadd("s", {"f": "v"})
    second = client.xadd("s", {"f": "w", "n": 7})
    assert client.xlen("s") == 2
    assert [entry for entry, _ in client.xrange("s")] == [first, second]
    assert client.xrevrange("s", count=1)[0][0] == second
    assert client.xgroup_create("s", "g", id="0")
    read = client.xreadgroup("g", "c", {"s": ">"}, count=1)
    rows = read["s"] if isinstance(read, dict) else read[0][1]
    rows = rows[0] if isinstance(read, dict) and len(rows) == 1 and isinstance(rows[0], list) else rows
    assert rows[0][0] == first, read
    pending = client.xpending("s", "g")
    assert pending["pending"] == 1 and pending["consumers"][0]["name"] == "c", pending
    detail = client.xpending_range("s", "g", "-", "+", 10)
    assert detail[0]["message_id"] == first and detail[0]["times_delivered"] == 1, detail
    assert client.xack("s", "g", first) == 1
    assert client.xclaim("s", "g", "d", 0, [second]) == []
    assert client.xinfo_stream("s")["length"] == 2
    assert client.xinfo_groups("s")[0]["lag"] == 1
    assert client.xinfo_consumers("s", "g")[0]["name"] == "c"
    assert client.xtrim("s", maxlen=1, approximate=False) == 1
    assert client.xdel("s", second) == 1
    try:
        client.xgroup_create("s", "g")
        raise AssertionError("the group is there")
    except redis.ResponseError as error:
        assert str(error) == "BUSYGROUP Consumer Group name already exists", error


def blocking(client, other):
    def later():
        time.sleep(0.1)
        other.xadd("b", {"f": "v"})

    thread = threading.Thread(target=later)
    thread.start()
    assert client.xread({"b": "$"}, block=5000)
    thread.join()
    assert not client.xread({"b": "$"}, block=20)


def transactions(client, other):
    with client.pipeline() as pipe:
        pipe.watch("k")
        pipe.multi()
        pipe.set("k", 1)
        pipe.incr("k")
        assert pipe.execute() == [True, 2]
        pipe.watch("k")
        other.set("k", 9)
        pipe.multi()
        pipe.set("k", 1)
        try:
            pipe.execute()
            raise AssertionError("the key has changed")
        except redis.WatchError:
            pass
    with client.pipeline(transaction=False) as pipe:
        for number in range(1000):
            pipe.rpush("list", number)
        assert pipe.execute()[-1] == 1000
    assert client.lrange("list", 0, -1) == [str(number) for number in range(1000)]


def messages(client, other):
    listener = client.pubsub()
    listener.subscribe("news")
    listener.psubscribe("n*")
    assert [listener.get_message(timeout=5)["type"] for _ in range(2)] == ["subscribe", "psubscribe"]
    assert other.publish("news", "x") == 2
    got = sorted(listener.get_message(timeout=5)["type"] for _ in range(2))
    assert got == ["message", "pmessage"], got
    listener.close()
    other.config_set("notify-keyspace-events", "KEA")
    listener = client.pubsub()
    listener.psubscribe("__key*__:*")
    listener.get_message(timeout=5)
    other.xadd("events", {"f": "v"})
    got = sorted(listener.get_message(timeout=5)["channel"] for _ in range(2))
    assert got == ["__keyevent@0__:xadd", "__keyspace@0__:events"], got
    listener.close()
    other.config_set("notify-keyspace-events", "")


def keys(client):
    client.flushall()
    for number in range(300):
        client.set("key:%d" % number, number)
    assert len(set(client.scan_iter(match="key:*", count=20))) == 300
    assert client.info("server")["redis_version"] == "8.8.0"
    assert client.info("keyspace")["db0"]["keys"] == 300
    assert client.config_get("stream-node-*")["stream-node-max-entries"] == "100"
    assert client.command_count() > 100
    assert client.client_id() > 0 and client.client_getname() is None
    assert any(int(row["id"]) == client.client_id() for row in client.client_list())
    client.expire("key:1", 100)
    assert 0 < client.ttl("key:1") <= 100
    assert client.time()[0] > 1_600_000_000
    assert 90_000 < client.info("keyspace")["db0"]["avg_ttl"] <= 100_000


def figures(client):
    assert client.config_resetstat()
    client.xadd("f", {"f": "v"})
    try:
        client.xadd("f", {"f": "v"}, id="0-1")
        raise AssertionError("the ID is too low")
    except redis.ResponseError:
        pass
    commands = client.info("commandstats")
    xadd = commands["cmdstat_xadd"]
    assert (xadd["calls"], xadd["rejected_calls"], xadd["failed_calls"]) == (2, 0, 1), xadd
    assert xadd["usec_per_call"] > 0
    assert client.info("errorstats") == {"errorstat_ERR": {"count": 1}}
    assert set(client.info("latencystats")["latency_percentiles_usec_xadd"]) == {"p50", "p99", "p99.9"}
    memory = client.info("memory")
    assert 0 < memory["used_memory"] <= memory["used_memory_peak"] and memory["used_memory_rss"] > 0, memory
    assert client.memory_stats()["keys.count"] > 0



async def waiting(port, protocol):
    client = redis.asyncio.Redis(port=port, protocol=protocol, decode_responses=True)
    await client.xgroup_create("tasks", "g", mkstream=True)
    readers = [
        asyncio.create_task(client.xreadgroup("g", "c%d" % number, {"tasks": ">"}, count=1, block=5000))
        for number in range(20)
    ]
    await asyncio.sleep(0.2)
    for number in range(20):
        await client.xadd("tasks", {"n": number})
    assert all(await asyncio.gather(*readers))
    assert (await client.xpending("tasks", "g"))["pending"] == 20
    await client.aclose()


def main():
    port = int(sys.argv[1])
    for protocol in (2, 3):
        client = redis.Redis(port=port, protocol=protocol, decode_responses=True)
        other = redis.Redis(port=port, protocol=protocol, decode_responses=True)
        streams(client)
        blocking(client, other)
        figures(client)
        transactions(client, other)
        messages(client, other)
        keys(client)
        asyncio.run(waiting(port, protocol))
        client.flushall()
        print("RESP%d: ok" % protocol)


main()
