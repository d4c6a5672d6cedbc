# SPDX-License-Identifier: Apache-2.0
"""Redis's protocol, as far as the benchmarks speak it: one connection that waits, and many that are kept busy."""

import selectors
import socket
import time


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


class Busy:
    """One connection of many: sends a batch of commands, and the next when all replies to it are there.

    Replies are told apart by their lines, which is quick: each batch is said to have so many. A line that begins with
    a minus sign, or a null, is an error: nothing that is measured may be answered so.
    """

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lines = 0
        self.last = b"\n"

    def begin(self, batch, lines):
        self.lines = lines
        self.socket.sendall(batch)

    def read(self):
        """Returns whether the batch is answered."""
        data = self.socket.recv(1 << 18)
        if not data:
            raise ConnectionError("the server has closed a connection")
        seen = self.last + data
        for bad in (b"\n-", b"\n$-1", b"\n*-1", b"\n*0\r", b"\n:0\r"):
            if bad in seen:
                raise RuntimeError(f"an empty reply or an error: {data[:200]!r}")
        self.last = data[-4:]
        self.lines -= data.count(b"\n")
        if self.lines < 0:
            raise RuntimeError(f"more than was asked for: {data[:200]!r}")
        return self.lines == 0


def run(port, batches, connections=50):
    """Sends all batches, each of which is bytes and the lines of their replies; returns the seconds that took."""
    batches = iter(batches)
    with selectors.DefaultSelector() as selector:
        every = [Busy(port) for _ in range(connections)]
        began = time.monotonic()
        try:
            for each in every:
                batch = next(batches, None)
                if batch:
                    each.begin(*batch)
                    selector.register(each.socket, selectors.EVENT_READ, each)
            while selector.get_map():
                ready = selector.select(60)
                if not ready:
                    raise RuntimeError("no reply for a minute")
                for key, _ in ready:
                    if key.data.read():
                        batch = next(batches, None)
                        if batch:
                            key.data.begin(*batch)
                        else:
                            selector.unregister(key.fileobj)
            return time.monotonic() - began
        finally:
            for each in every:
                each.socket.close()
