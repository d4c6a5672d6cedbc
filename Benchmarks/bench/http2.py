# SPDX-License-Identifier: Apache-2.0
"""Just enough of an HTTP/2 client to hold connections and streams open, and to see one answer.

Header blocks that come in are skipped: only messages (DATA frames) are looked at.
Source: RFC 9113 §4.1 and §6, RFC 7541 §6 and appendix A.
"""

import socket
import ssl
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, GOAWAY, WINDOW_UPDATE = 0, 1, 4, 7, 8
END_STREAM = ACK = 1
END_HEADERS = 4
MESSAGE_PREFIX_BYTES = 5
INITIAL_WINDOW_SIZE = 4
# What the client lets the server send, on a stream and in all, so that a test need not give windows back.
WINDOW_BYTES = 1 << 30


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def text(value):
    """An HPACK string without Huffman coding, up to 126 bytes."""
    return bytes([len(value)]) + value.encode()


def request_headers(path, content_type):
    return (
        b"\x83\x86"  # :method POST, :scheme http
        + b"\x04" + text(path) + b"\x01" + text("localhost") + b"\x0f\x10" + text(content_type)
        + b"\x00" + text("te") + text("trailers"))


def message(payload):
    """A gRPC message in its frame."""
    return b"\0" + struct.pack(">I", len(payload)) + payload


class Connection:
    def __init__(self, port, secure=False):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if secure:
            context = ssl._create_unverified_context()
            context.set_alpn_protocols(["h2"])
            self.socket = context.wrap_socket(self.socket)
        self.input = self.socket.makefile("rb")
        self.next_stream = 1
        self.answered = set()
        self.socket.sendall(
            PREFACE + frame(SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, WINDOW_BYTES))
            + frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", WINDOW_BYTES)))

    def close(self):
        self.input.close()
        self.socket.close()

    def call_bytes(self, path, content_type, payload, ends):
        """The frames of a call with one message, on the next stream."""
        stream = self.next_stream
        self.next_stream += 2
        return (
            frame(HEADERS, END_HEADERS, stream, request_headers(path, content_type))
            + frame(DATA, END_STREAM if ends else 0, stream, message(payload)))

    def open_calls(self, count, path, content_type, payload, ends):
        """Opens calls and waits until each has been answered with one message; returns the last of them."""
        # In portions that fit into socket buffers, so that neither side waits for the other.
        portion = 100
        while count > 0:
            now = min(count, portion)
            self.socket.sendall(b"".join(self.call_bytes(path, content_type, payload, ends) for _ in range(now)))
            answer = [self.read_message() for _ in range(now)][-1]
            count -= now
        return answer

    def call(self, path, content_type, payload):
        """Makes a unary call and returns all its DATA."""
        answer = self.open_calls(1, path, content_type, payload, ends=True)
        while len(answer) < MESSAGE_PREFIX_BYTES + int.from_bytes(answer[1:MESSAGE_PREFIX_BYTES], "big"):
            answer += self.read_message()
        return answer

    def read_message(self):
        """The next DATA frame that is not empty."""
        while True:
            header = self.input.read(9)
            if len(header) < 9:
                raise RuntimeError("the server closed the connection")
            length = int.from_bytes(header[:3], "big")
            payload = self.input.read(length)
            kind, flags, stream = struct.unpack(">BBI", header[3:])
            if kind == SETTINGS and not flags & ACK:
                self.socket.sendall(frame(SETTINGS, ACK, 0))
            elif kind == GOAWAY:
                raise RuntimeError(f"the server went away: {payload!r}")
            elif kind == DATA and payload:
                self.answered.add(stream)
                return payload
            elif kind == HEADERS and flags & END_STREAM and stream not in self.answered:
                raise RuntimeError("a call was refused")
