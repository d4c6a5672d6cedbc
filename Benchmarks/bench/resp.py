# SPDX-License-Identifier: Apache-2.0
"""Redis's protocol, as far as the benchmarks speak it: one connection that waits, and many that are kept busy
by MartletStoreBench."""

import socket
import struct
import subprocess

from . import programs


def command(*words):
    """The bytes of one command."""
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


class Connection:
    """Asks and waits. Errors are raised."""

    def __init__(self, port, timeout=60):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def send(self, *words):
        self.socket.sendall(command(*words))

    def call(self, *words):
        self.send(*words)
        return self.reply()

    def reply(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server has closed a connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self.reply() for _ in range(int(rest))]
        return rest.decode()


def run(port, batches, connections=50):
    """Sends all batches, each of which is bytes and the lines of their replies; returns the seconds that took.

    Each connection sends one, and the next when all replies to it are there. Nothing may be answered with an error, a
    null, an empty array or a 0.
    """
    text = b"".join(struct.pack(">II", len(batch), lines) + batch for batch, lines in batches)
    line = [str(programs.store_bench()), "replay", "--port", str(port), "--connections", str(connections)]
    done = subprocess.run(line, input=text, stdout=subprocess.PIPE, timeout=700, check=True)
    return float(done.stdout.split()[1])
