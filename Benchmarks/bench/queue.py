# SPDX-License-Identifier: Apache-2.0
"""What streams do of themselves: entries that come later, and the order of keys. Martlet's server alone.

How late an entry comes is what its reader's clock says when it has it, less the moment that its ID names: reader and
server share a clock.
"""

import contextlib
import random
import statistics
import threading
import time

from . import report, resp, streams

WAITING = 1_000_000
DUE_A_SECOND = 10_000
DUE_SECONDS = 10
KEYS = 10_000
CONSUMERS = 100
ENTRIES = 200_000
# Of the batches that a consumer gets it dies with one in so many.
DEATH = 200
VISIBILITY = 500
APPEND_RUNS = 5
REST_SECONDS = 60


def pipelined(port, commands, count=1000):
    """Sends commands in batches and looks at each reply; errors are raised."""
    with resp.Connection(port, streams.START_SECONDS) as connection:
        batch = []
        for words in commands:
            batch.append(resp.command(*words))
            if len(batch) == count:
                connection.socket.sendall(b"".join(batch))
                for _ in batch:
                    connection.reply()
                batch = []
        connection.socket.sendall(b"".join(batch))
        for _ in batch:
            connection.reply()


def lateness(port, begin, count):
    """Milliseconds by which each entry came too late, sorted."""
    late, last = [], "0-0"
    with resp.Connection(port) as connection:
        while len(late) < count:
            found = connection.call("XREAD", "COUNT", 10_000, "BLOCK", 10_000, "STREAMS", "due", last)
            if found is None:
                raise RuntimeError(f"{len(late)} entries of {count} came")
            now = time.time() * 1000
            for entry in found[0][1]:
                moment = int(entry[1][1])
                if moment > now + 1:
                    raise RuntimeError(f"an entry came {moment - now} ms before its time")
                late.append(now - moment)
            last = found[0][1][-1][0].decode()
    return sorted(late)


def rest(server):
    """Waits until the server does nothing: what was loaded goes into checkpoints for some seconds behind."""
    end = time.monotonic() + REST_SECONDS
    while time.monotonic() < end:
        before = server.processor_seconds()
        time.sleep(1)
        if server.processor_seconds() - before < 0.02:
            return
    raise RuntimeError(f"the server doesn't come to rest within {REST_SECONDS} seconds")


def appends(server, scale):
    """Appends a second: the median of some runs, each of less than a second."""
    return statistics.median(
        server.benchmark(int(200_000 * scale) + 1000, 16, "XADD", "s", "*", "f", streams.VALUE).rate
        for _ in range(APPEND_RUNS))


def delays(claims, options):
    scale = options.stream_scale or (0.02 if options.quick else 1)
    waiting, seconds = int(WAITING * scale), 1 if options.quick else DUE_SECONDS
    table = report.Table("entries that come later", "per second", first_width=44)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(streams.martlet())
        plain = appends(server, scale)
        hour = int(time.time() * 1000) + 3_600_000
        began = time.monotonic()
        pipelined(server.server.port, (
            ("XADD", "later", "AT", hour + random.randrange(3_600_000), "*", "f", streams.VALUE)
            for _ in range(waiting)))
        table.row(f"put by, {waiting:,} of them", f"{waiting / (time.monotonic() - began):,.0f}")
        behind = appends(server, scale)
        rest(server)
        beside = appends(server, scale)
        table.row("appends with none waiting", f"{plain:,.0f}")
        table.row("appends while all that is checkpointed", f"{behind:,.0f}")
        table.row("appends with all waiting", f"{beside:,.0f}")
        count = DUE_A_SECOND * seconds
        begin = int(time.time() * 1000) + max(5000, count // 20)
        due = [begin + number * 1000 // DUE_A_SECOND for number in range(count)]
        pipelined(server.server.port, (("XADD", "due", "AT", moment, "*", "due", moment) for moment in due))
        late = lateness(server.server.port, begin, count)
        p99 = late[int(len(late) * 0.99)]
        half, most = late[len(late) // 2], late[-1]
        table.row(f"late, of {count:,}: p50 / p99 / most", f"{half:.1f} / {p99:.1f} / {most:.1f} ms")
    claims.at_least(f"appends beside {waiting:,} waiting entries, of those without", beside / plain, 0.9)
    claims.at_most(f"p99 of how late entries come, {DUE_A_SECOND:,} a second", p99, 20, "ms")


class Work:
    """What consumers of one group have in common: what is done of each key, and whether order held."""

    def __init__(self, count, is_ordered):
        self.lock, self.left, self.is_ordered = threading.Lock(), count, is_ordered
        self.done, self.broken, self.deaths = {}, [], 0

    def consume(self, port, name, seed):
        draw = random.Random(seed)
        try:
            while self.left > 0 and not self.broken:
                with resp.Connection(port) as connection:
                    self.serve(connection, name, draw)
        except (OSError, RuntimeError) as error:
            self.broken.append(error)

    def serve(self, connection, name, draw):
        while self.left > 0 and not self.broken:
            found = connection.call(
                "XREADGROUP", "GROUP", "g", name, "COUNT", 10, "BLOCK", 200, "STREAMS", "work", ">")
            if found is None:
                continue
            entries = found[0][1]
            with self.lock:
                for _, (_, key, _, number) in entries:
                    if self.is_ordered and int(number) != self.done.get(key, 0) + 1:
                        self.broken.append((key, int(number), self.done.get(key, 0)))
            if self.is_ordered and draw.randrange(DEATH) == 0:
                self.deaths += 1
                return
            # Whoever comes next may get what follows before the reply is here.
            with self.lock:
                for _, (_, key, _, number) in entries:
                    self.done[key] = max(int(number), self.done.get(key, 0))
            acknowledged = connection.call("XACK", "work", "g", *(entry[0] for entry in entries))
            with self.lock:
                self.left -= acknowledged


def consumed(server, count, keys, is_ordered):
    """Entries a second that all consumers together got done."""
    port = server.server.port
    server.call("DEL", "work")
    server.call("XGROUP", "CREATE", "work", "g", "0", "MKSTREAM")
    policy = ("VISIBILITY", VISIBILITY, "ORDERBY", "key") if is_ordered else ("VISIBILITY", 60_000)
    server.call("XGROUP", "SETPOLICY", "work", "g", *policy)
    pipelined(port, (
        ("XADD", "work", "*", "key", number % keys, "n", number // keys + 1) for number in range(count)))
    work = Work(count, is_ordered)
    threads = [
        threading.Thread(target=work.consume, args=(port, f"c{number}", number)) for number in range(CONSUMERS)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if work.broken:
        raise RuntimeError(f"the order of a key is broken, or a consumer: {work.broken[:3]}")
    return count / (time.monotonic() - began), work.deaths


def order(claims, options):
    scale = options.stream_scale or (0.02 if options.quick else 1)
    count, keys = int(ENTRIES * scale), max(int(KEYS * scale), 100)
    table = report.Table("order of keys", "per second", first_width=44)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(streams.martlet())
        plain, _ = consumed(server, count, keys, False)
        ordered, deaths = consumed(server, count, keys, True)
    table.row(f"{CONSUMERS} consumers, no order", f"{plain:,.0f}")
    table.row(f"{CONSUMERS} consumers, {keys:,} keys, {deaths} deaths", f"{ordered:,.0f}")
    claims.at_least(f"throughput in the order of {keys:,} keys, of that without", ordered / plain, 0.7)


def measure(claims, options):
    delays(claims, options)
    order(claims, options)
