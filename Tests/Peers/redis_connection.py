# SPDX-License-Identifier: Apache-2.0
"""One connection to a server of Redis's protocol. Needs Python 3 alone."""

import select
import socket


class Connection:
    """Replies are pairs of their kind, as the wire has it, and their content; maps are flat lists."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=300)
        self.file = self.socket.makefile("rb")

    def call(self, *words):
        self.send(*words)
        return self.reply()

    def send(self, *words):
        data = b"*%d\r\n" % len(words)
        for word in words:
            word = word if isinstance(word, bytes) else str(word).encode()
            data += b"$%d\r\n%s\r\n" % (len(word), word)
        self.socket.sendall(data)

    def has_reply(self, seconds=0):
        """Only for a client that has one request under way: what was read too far isn't looked at."""
        return bool(select.select([self.socket], [], [], seconds)[0])

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
