#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Uses a server whose authentication is on as users of its auth service, through redis-py.

usage: redis_users.py PORT

Expects the users root (password "secret"), and ann (password "word"), who reads and writes what begins with "orders/".
"""

import sys

import redis


def refused(kind, call):
    try:
        call()
    except kind:
        return
    raise AssertionError(f"no {kind.__name__}")


def check(port, protocol):
    def client(**words):
        return redis.Redis(port=port, protocol=protocol, decode_responses=True, **words)

    refused(redis.exceptions.AuthenticationError, client().ping)
    refused(redis.exceptions.AuthenticationError, client(username="ann", password="nope").ping)
    ann = client(username="ann", password="word")
    assert ann.acl_whoami() == "ann"
    name = f"orders/{protocol}"
    entry = ann.xadd(name, {"f": "v"})
    ann.xgroup_create(name, "g", id="0")
    assert ann.xreadgroup("g", "c", {name: ">"})
    assert ann.xack(name, "g", entry) == 1
    refused(redis.exceptions.NoPermissionError, lambda: ann.xadd("other", {"f": "v"}))
    refused(redis.exceptions.NoPermissionError, lambda: ann.acl_list())
    refused(redis.exceptions.NoPermissionError, lambda: ann.keys("*"))
    assert name in ann.keys("orders/*")
    root = client(username="root", password="secret")
    told = root.acl_getuser("ann")
    assert "on" in told["flags"] and told["keys"] == ["~orders/*"], told
    assert {"ann", "default", "root"} <= set(root.acl_users())
    refused(redis.exceptions.ResponseError, lambda: root.acl_setuser("ann", enabled=False))


for protocol in (2, 3):
    check(int(sys.argv[1]), protocol)
print("ok")
