# SPDX-License-Identifier: Apache-2.0
"""What idle connections and idle streams cost the server's process."""

import resource
import time

from . import http2, programs

CONNECTIONS = 1_000
STREAMS = 10_000
PAYLOAD = bytes([7] * 20)
CONTENT_TYPE = "application/grpc+proto"
# For what the server still does after its last answer.
SETTLE_SECONDS = 0.5


def _warm(server):
    """Lets the code be loaded and the pools be made, which nobody's connection is to pay for."""
    for _ in range(20):
        connection = http2.Connection(server.port)
        connection.open_calls(50, "/Bench/Echo", CONTENT_TYPE, PAYLOAD, ends=True)
        connection.open_calls(5, "/Bench/Hold", CONTENT_TYPE, PAYLOAD, ends=False)
        connection.close()
    time.sleep(SETTLE_SECONDS)


def bytes_per_connection():
    """Of a connection that has made one call and is quiet since. A fresh server, so that no freed memory is reused."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + 256
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise programs.Unavailable(f"{wanted} file descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else hard, hard))
    with programs.Server([programs.wire_bench(), "server"]) as server:
        _warm(server)
        before = server.resident_bytes()
        connections = [http2.Connection(server.port) for _ in range(CONNECTIONS)]
        for connection in connections:
            connection.open_calls(1, "/Bench/Echo", CONTENT_TYPE, PAYLOAD, ends=True)
        time.sleep(SETTLE_SECONDS)
        after = server.resident_bytes()
        for connection in connections:
            connection.close()
    return (after - before) / CONNECTIONS


def bytes_per_stream():
    """Of a stream whose async handler has answered one message and waits for the next."""
    with programs.Server([programs.wire_bench(), "server"]) as server:
        _warm(server)
        connection = http2.Connection(server.port)
        connection.open_calls(1, "/Bench/Echo", CONTENT_TYPE, PAYLOAD, ends=True)
        before = server.resident_bytes()
        connection.open_calls(STREAMS, "/Bench/Hold", CONTENT_TYPE, PAYLOAD, ends=False)
        time.sleep(SETTLE_SECONDS)
        after = server.resident_bytes()
        connection.close()
    return (after - before) / STREAMS
