#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plays the python-etcd3 client against a server it starts: etcd3_client.py SERVER [ARGUMENTS].

Prints a line a case and `all cases ok` at the end; exits 1 at the first difference.
"""

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

# The package's generated code is older than the installed protobuf runtime, whose Python form still reads it.
os.environ.setdefault("PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION", "python")
import etcd3  # noqa: E402

# How long a server on a machine that has much else to do may take for anything.
PATIENCE_SECONDS = 300


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_ready(port):
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit("the server did not listen in time")


def check(case, condition):
    if not condition:
        sys.exit(f"FAIL {case}")
    print(f"ok {case}")


def keys_and_transactions(client):
    client.put("a/1", "one")
    client.put("a/2", "two")
    value, metadata = client.get("a/1")
    check("get", value == b"one" and metadata.version == 1)
    check("missing key", client.get("nothing") == (None, None))
    check("prefix", [v for v, _ in client.get_prefix("a/", sort_order="descend")] == [b"two", b"one"])
    succeeded, _ = client.transaction(
        compare=[client.transactions.value("a/1") == "one", client.transactions.version("a/3") == 0],
        success=[client.transactions.put("a/3", "three")],
        failure=[client.transactions.delete("a/1")])
    check("transaction", succeeded and client.get("a/3")[0] == b"three")
    check("replace", client.replace("a/1", "one", "uno") and not client.replace("a/1", "one", "un"))
    check("delete prefix", client.delete_prefix("a/").deleted == 3)


def watches(client):
    seen = []
    done = threading.Event()

    def on_response(response):
        seen.extend(response.events)
        if len(seen) >= 3:
            done.set()

    watch = client.add_watch_prefix_callback("w/", on_response, prev_kv=True)
    time.sleep(0.2)
    client.put("w/1", "x")
    client.put("w/1", "y")
    client.delete("w/1")
    check("watch", done.wait(PATIENCE_SECONDS))
    check("watch order", [type(e).__name__ for e in seen] == ["PutEvent", "PutEvent", "DeleteEvent"])
    client.cancel_watch(watch)


def leases_and_locks(client):
    lease = client.lease(60)
    client.put("l/1", "x", lease=lease)
    check("time to live", 0 < lease.remaining_ttl <= 60 and lease.keys == [b"l/1"])
    lease.refresh()
    lease.revoke()
    check("revoke deletes", client.get("l/1")[0] is None)
    with client.lock("mutex", ttl=20) as lock:
        # Contenders that wait are etcdctl's scenario: this package's own waiting fails with today's tenacity.
        check("lock", lock.is_acquired())
    other = client.lock("mutex", ttl=20)
    check("lock is free again", other.acquire(timeout=PATIENCE_SECONDS))
    other.release()


def main():
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    peer = f"http://127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory() as folder:
        command = sys.argv[1:] + [
            "--name", "default", "--data-dir", folder, "--listen-client-urls", url, "--advertise-client-urls", url,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}"]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until_ready(port)
            client = etcd3.client(host="127.0.0.1", port=port, timeout=PATIENCE_SECONDS)
            keys_and_transactions(client)
            watches(client)
            leases_and_locks(client)
            check("status", client.status().db_size >= 0 and len(list(client.members)) == 1)
            client.close()
        finally:
            server.terminate()
            check("the server ends in time", server.wait(timeout=PATIENCE_SECONDS) is not None)
    print("all cases ok")


main()
