# SPDX-License-Identifier: Apache-2.0
"""A stream of 1 GiB in a server that keeps 128 MiB of blocks in memory: what that takes, and what others notice.

Somebody else puts keys at a steady rate all the while; how long they wait is held against how long they do beside the
same works in a server that keeps all in memory.
"""

import contextlib
import pathlib
import random
import re
import time

from . import programs, report, resp, stores

STREAM_BYTES, QUICK_STREAM_BYTES = 1 << 30, 64 << 20
MEMORY, QUICK_MEMORY = "128MiB", "8MiB"
RESIDENT_LIMIT = 320
VALUE_BYTES = 1_000
# Puts while nothing else is done, and beside each work, which goes on for at least as long.
CALLS_PER_SECOND = 500
SECONDS, QUICK_SECONDS = 10, 1
DOUBLED = 2
PER_BATCH = 100
TIMEOUT = 600


class Bench:
    def __init__(self, store, port, options):
        self.store, self.port = store, port
        self.seconds = QUICK_SECONDS if options.quick else SECONDS
        self.entries = (QUICK_STREAM_BYTES if options.quick else STREAM_BYTES) // VALUE_BYTES
        self.draw = random.Random(1)

    def begin(self):
        return self.store.begin(
            "put", "--keys", 10_000, "--random", "--connections", 2, "--streams", 4, "--rate", CALLS_PER_SECOND,
            "--seconds", self.seconds)

    def p99(self, process):
        return stores.parse(self.store.finish(process))["p99"]

    def peak_bytes(self):
        status = pathlib.Path(f"/proc/{self.store.server.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) * 1024

    def beside(self, work):
        """Operations a second of a work, and the p99 of the puts beside it."""
        process = self.begin()
        with resp.Connection(self.port, TIMEOUT) as connection:
            began = time.monotonic()
            count = work(connection, began + self.seconds)
            rate = count / (time.monotonic() - began)
        return rate, self.p99(process)

    def pipeline(self, connection, commands):
        commands = [resp.command(*words) for words in commands]
        connection.socket.sendall(b"".join(commands))
        return [connection.reply() for _ in commands]

    def some(self):
        return f"{self.draw.randrange(1, self.entries + 1)}-0"

    # MARK: Works; each returns how many operations it did, and goes on until `end` and until it has done its task.

    def append(self, connection, _):
        value = "x" * VALUE_BYTES
        for first in range(1, self.entries + 1, PER_BATCH):
            numbers = range(first, min(first + PER_BATCH, self.entries + 1))
            self.pipeline(connection, [("XADD", "s", f"{n}-0", "f", value) for n in numbers])
        return self.entries

    def tail(self, connection, end):
        count = 0
        while time.monotonic() < end:
            for entries in self.pipeline(connection, [("XREVRANGE", "s", "+", "-", "COUNT", 10)] * PER_BATCH):
                _expect(len(entries), 10, "entries at the end")
            count += PER_BATCH
        return count

    def scan(self, connection, _):
        count, start = 0, "-"
        while True:
            entries = connection.call("XRANGE", "s", start, "+", "COUNT", 1_000)
            count += len(entries)
            if len(entries) < 1_000:
                _expect(count, self.entries, "entries in all")
                return count
            start = "(" + entries[-1][0].decode()

    def delete(self, connection, end):
        count = 0
        while time.monotonic() < end:
            count += sum(self.pipeline(connection, [("XDEL", "s", self.some()) for _ in range(PER_BATCH)]))
        return count

    def claim(self, connection, end):
        """Claims what lies anywhere of the first quarter, all of which is pending."""
        connection.call("XGROUP", "CREATE", "s", "g", "0")
        pending = 0
        while pending < self.entries // 4:
            got = connection.call("XREADGROUP", "GROUP", "g", "a", "COUNT", 1_000, "STREAMS", "s", ">")
            pending += len(got[0][1])
        count = 0
        while time.monotonic() < end or not count:
            some = [f"{self.draw.randrange(1, self.entries // 4)}-0" for _ in range(PER_BATCH)]
            replies = self.pipeline(connection, [("XCLAIM", "s", "g", "b", 0, each) for each in some])
            count += sum(len(reply) for reply in replies)
        return count

    def trim(self, connection, _):
        before = connection.call("XLEN", "s")
        _expect(connection.call("XTRIM", "s", "MAXLEN", "=", before // 2), before - before // 2, "entries trimmed")
        return before - before // 2


def _expect(found, wanted, what):
    if found != wanted:
        raise RuntimeError(f"{found} {what} instead of {wanted}")


@contextlib.contextmanager
def _server(options, memory):
    folder, (port, streams) = stores.folder(), stores.free_ports(2)
    command = [
        programs.martlet(), "server", "--data-dir", f"{folder.name}/data", "--log-level", "error",
        "--listen-client-urls", f"http://127.0.0.1:{port}", "--listen-stream-urls", f"redis://127.0.0.1:{streams}",
        *(["--stream-memory", memory] if memory else [])]
    with stores.Store("Martlet", command, "http", port, folder) as store:
        yield Bench(store, streams, options)


def _run(options, memory):
    """Of each work the rate, the p99 of the puts beside it, and the highest resident memory so far, in MiB."""
    found = {}
    with _server(options, memory) as bench:
        time.sleep(1)
        found["nothing but puts"] = 0, bench.p99(bench.begin()), bench.peak_bytes() / (1 << 20)
        for name, work in (
                ("append", bench.append), ("tail read, 10 entries", bench.tail), ("full scan, an entry", bench.scan),
                ("random XDEL", bench.delete), ("random XCLAIM", bench.claim), ("exact XTRIM, an entry", bench.trim)):
            found[name] = *bench.beside(work), bench.peak_bytes() / (1 << 20)
    return found


def measure(claims, options):
    memory = QUICK_MEMORY if options.quick else MEMORY
    size = (QUICK_STREAM_BYTES if options.quick else STREAM_BYTES) >> 20
    part, whole = _run(options, memory), _run(options, None)
    print()
    table = report.Table(
        f"a stream of {size:,} MiB", "", "ops/s", "put p99 us", "peak MiB", "all in memory: ops/s", "put p99 us",
        "peak MiB")
    for name, (rate, p99, peak) in part.items():
        other = whole[name]
        table.row(
            name, "", f"{rate:,.0f}", f"{p99:,.0f}", f"{peak:,.0f}", f"{other[0]:,.0f}", f"{other[1]:,.0f}",
            f"{other[2]:,.0f}")
    seconds = QUICK_SECONDS if options.quick else SECONDS
    print(f"Left: with {memory} for blocks in memory. Put p99: of {CALLS_PER_SECOND} puts a second over {seconds} "
          "seconds, from the beginning of the work. Peak: of the process's resident memory, so far.")
    work = f"streams: 1 GiB under --stream-memory {memory}"
    if options.quick:
        return claims.not_shown(work, "the whole size")
    peak = max(each[2] for each in part.values())
    holds = claims.at_most(f"{work}: resident", peak, RESIDENT_LIMIT, "MiB")
    claims.summarize(work, f"resident ≤ {RESIDENT_LIMIT} MiB", f"{peak:.0f} MiB", holds)
    for name, (_, p99, _) in part.items():
        rise = p99 / whole[name][1]
        holds = claims.at_most(f"{work}: {name}: put p99 against all in memory", rise, DOUBLED, "times")
        claims.summarize(f"{work}: put p99", "twice that with all in memory", f"{name}: {rise:.2f}", holds)
    return None
