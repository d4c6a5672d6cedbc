# SPDX-License-Identifier: Apache-2.0
"""Streams: Martlet's server beside redis-server, 50 connections, each server alone with a data folder of its own.

Ours answers nothing before it is synced. That all replies were what they should be is seen by what the stream holds
afterwards, or by looking at each of them.
"""

import concurrent.futures
import contextlib
import csv
import io
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

from . import programs, report, resp, stores
from .load import Measure

CONNECTIONS = 50
VALUE = "x" * 16
# Loading an append-only file of many entries takes its time.
START_SECONDS = 600
# Consumers that wait for one group.
WAITERS = 1000


def redis_program(name):
    path = shutil.which(name)
    if not path:
        raise programs.Unavailable(f"{name} (scripts/setup test installs it)")
    return path


class StreamServer:
    """A server of streams that can be killed and started again; ended, with its data, with its `with` block."""

    def __init__(self, name, command, port, folder):
        self.name, self.command, self.port, self.folder = name, command, port, folder
        self.server = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()
        self.folder.cleanup()

    def start(self):
        """Returns the seconds until it answers."""
        began = time.monotonic()
        self.server = programs.Server(self.command, self.port)
        while True:
            try:
                with resp.Connection(self.port) as connection:
                    connection.call("XLEN", "s")
                    return time.monotonic() - began
            except (OSError, RuntimeError):
                if time.monotonic() - began > START_SECONDS or self.server.process.poll() is not None:
                    self.kill()
                    raise
                time.sleep(0.005)

    def kill(self):
        if self.server:
            self.server.process.send_signal(signal.SIGKILL)
            self.server.stop()
            self.server = None

    def processor_seconds(self):
        return self.server.processor_seconds()

    def resident_bytes(self):
        return self.server.resident_bytes()

    def call(self, *words):
        with resp.Connection(self.port, START_SECONDS) as connection:
            return connection.call(*words)

    # MARK: Loads

    def benchmark(self, count, pipeline, *words):
        """`count` times the same command by redis-benchmark."""
        before = self.processor_seconds()
        line = [
            redis_program("redis-benchmark"), "-p", self.port, "-c", CONNECTIONS, "-n", count, "-P", pipeline,
            "-e", "--csv", *words]
        done = subprocess.run([str(word) for word in line], capture_output=True, text=True, timeout=600, check=True)
        if "Error from server" in done.stdout + done.stderr:
            raise RuntimeError(f"{self.name}: {done.stdout}{done.stderr}")
        row = list(csv.reader(io.StringIO(done.stdout.strip().splitlines()[-1])))[0]
        return Measure(float(row[1]), (self.processor_seconds() - before) / count * 1e6)

    def batches(self, commands, per_batch, batches):
        """What `resp.run` measures, as operations."""
        before = self.processor_seconds()
        seconds = resp.run(self.port, batches, CONNECTIONS)
        count = commands * per_batch
        return Measure(count / seconds, (self.processor_seconds() - before) / count * 1e6)

    def fill(self, count, value=VALUE):
        """A stream `s` of so many entries with the IDs 1-0, 2-0 and so on, and a group `g` that has got none."""
        self.call("DEL", "s")
        with resp.Connection(self.port, START_SECONDS) as connection:
            for first in range(1, count + 1, 1000):
                numbers = range(first, min(first + 1000, count + 1))
                connection.socket.sendall(b"".join(resp.command("XADD", "s", f"{n}-0", "f", value) for n in numbers))
                for _ in numbers:
                    connection.reply()
            connection.call("XGROUP", "CREATE", "s", "g", "0")
            expect(connection.call("XLEN", "s"), count, "entries")


def expect(found, wanted, what):
    if found != wanted:
        raise RuntimeError(f"{found} {what} instead of {wanted}")


def martlet():
    folder, (port, clients) = stores.folder(), stores.free_ports(2)
    command = [
        programs.martlet(), "server", "--data-dir", f"{folder.name}/data", "--log-level", "error",
        "--listen-client-urls", f"http://127.0.0.1:{clients}", "--listen-stream-urls", f"redis://127.0.0.1:{port}"]
    return StreamServer("Martlet", command, port, folder)


def redis(name, sync, *more):
    """`sync`: appendfsync; nil for a server without persistence."""
    folder, (port,) = stores.folder(), stores.free_ports(1)
    command = [
        redis_program("redis-server"), "--port", port, "--dir", folder.name, "--save", "", "--daemonize", "no",
        "--appendonly", "yes" if sync else "no", "--appendfsync", sync or "no", *more]
    return StreamServer(name, command, port, folder)


def servers(stack, *kinds):
    makers = {
        "martlet": martlet, "none": lambda: redis("Redis, no persistence", None),
        "everysec": lambda: redis("Redis, everysec", "everysec"),
        "always": lambda: redis("Redis, always", "always"),
    }
    return {kind: stack.enter_context(makers[kind]()) for kind in kinds}


def in_turn(rounds, subjects, take):
    """Medians of what `take` measures of each; they take turns."""
    found = {key: [] for key in subjects}
    for _ in range(rounds):
        for key, subject in subjects.items():
            found[key].append(take(subject))
    return {key: report.median(measures) for key, measures in found.items()}


def show(table, work, subjects, found, peer):
    for key, result in found.items():
        table.row(
            f"{work}: {subjects[key].name}", "", f"{result.rate:,.0f}", f"{result.microseconds:.2f}",
            report.ratios(result, found[peer]) if key != peer else "1")


class Rows:
    """Puts measures beside their goals."""

    def __init__(self, claims):
        self.claims = claims

    def rate(self, work, found, peer, goal, against):
        ratio = found["martlet"].rate / found[peer].rate
        holds = self.claims.at_least(f"streams, {work}: rate against {against}", ratio, goal)
        self.claims.summarize(f"streams: {work}", f"{goal} x {against}", f"{ratio:.2f} x {against}", holds)

    def processor(self, work, found, peer, goal, against):
        if not found[peer].microseconds:
            return
        ratio = found["martlet"].microseconds / found[peer].microseconds
        self.claims.at_most(f"streams, {work}: processor time an operation against {against}", ratio, goal, "times")


# MARK: Parts

def appends(claims, options, scale):
    table = report.Table("XADD", "", "ops/s", "cpu us/op", "x no persist.", first_width=46)
    rows = Rows(claims)
    with contextlib.ExitStack() as stack:
        subjects = servers(stack, "martlet", "none", "always")
        for pipeline, count, rate, processor in ((1, 200_000, 1, None), (16, 1_000_000, 1.2, 0.8),
                                                 (100, 2_000_000, 2, 0.5)):
            count = max(int(count * scale) // pipeline, 1) * pipeline

            def take(server):
                server.call("DEL", "s")
                measure = server.benchmark(count, pipeline, "XADD", "s", "*", "f", VALUE)
                expect(server.call("XLEN", "s"), count, "entries")
                return measure

            found = in_turn(options.rounds, subjects, take)
            work = f"XADD, pipeline {pipeline}"
            show(table, work, subjects, found, "none")
            rows.rate(work, found, "none", rate, "Redis without persistence")
            if processor:
                rows.processor(work, found, "none", processor, "Redis without persistence")
                rows.rate(work, found, "always", 2.5, "Redis appendfsync always")


def groups(claims, options, scale):
    print()
    table = report.Table("groups, pipeline 16", "", "ops/s", "cpu us/op", "x everysec", first_width=46)
    rows = Rows(claims)
    with contextlib.ExitStack() as stack:
        subjects = servers(stack, "martlet", "everysec")
        for size, count in ((1, 200_000), (100, 10_000)):
            count = max(int(count * scale) // 800, 1) * 800

            def take(server):
                server.fill(count * size)
                measure = server.benchmark(
                    count, 16, "XREADGROUP", "GROUP", "g", "c", "COUNT", size, "STREAMS", "s", ">")
                # None was empty: together they took all.
                expect(server.call("XPENDING", "s", "g")[0], count * size, "pending entries")
                return measure

            found = in_turn(options.rounds, subjects, take)
            show(table, f"XREADGROUP COUNT {size}", subjects, found, "everysec")
            rows.rate(f"XREADGROUP COUNT {size}", found, "everysec", 2, "Redis everysec")
        count = max(int(200_000 * scale) // 16, 1) * 16

        def acknowledge(server):
            server.fill(count)
            server.call("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">")
            batches = [
                (b"".join(resp.command("XACK", "s", "g", f"{n}-0") for n in range(first, first + 16)), 16)
                for first in range(1, count + 1, 16)]
            measure = server.batches(len(batches), 16, batches)
            expect(server.call("XPENDING", "s", "g")[0], 0, "pending entries")
            return measure

        found = in_turn(options.rounds, subjects, acknowledge)
        show(table, "XACK", subjects, found, "everysec")
        rows.rate("XACK", found, "everysec", 2, "Redis everysec")


def ranges(claims, options, scale):
    print()
    table = report.Table("reading", "", "ops/s", "cpu us/op", "x Redis", first_width=46)
    rows = Rows(claims)
    with contextlib.ExitStack() as stack:
        subjects = servers(stack, "martlet", "everysec")
        size = 10_000
        for server in subjects.values():
            server.fill(size)
            server.call("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">")
        history = ("XREADGROUP", "GROUP", "g", "c", "COUNT", 10, "STREAMS", "s", 0)
        for work, words, count in (
                ("XRANGE COUNT 10", ("XRANGE", "s", "5000-0", "+", "COUNT", 10), 200_000),
                ("XRANGE COUNT 1000", ("XRANGE", "s", "5000-0", "+", "COUNT", 1000), 4000),
                ("XREAD COUNT 10", ("XREAD", "COUNT", 10, "STREAMS", "s", "5000-0"), 200_000),
                ("XREADGROUP of history, COUNT 10", history, 100_000)):
            for server in subjects.values():
                reply = server.call(*words)
                entries = reply if words[0] == "XRANGE" else reply[0][1]
                expect(len(entries), 1000 if "1000" in work else 10, "entries")
            count = max(int(count * scale) // 16, 1) * 16
            found = in_turn(
                options.rounds, subjects, lambda server, words=words, count=count: server.benchmark(count, 16, *words))
            show(table, work, subjects, found, "everysec")
            rows.rate(work, found, "everysec", 1.2, "Redis")


def percentiles(seconds):
    ordered = sorted(seconds)
    return ordered[len(ordered) // 2] * 1e6, ordered[len(ordered) * 99 // 100] * 1e6


def sync_microseconds(count=300):
    """The median of a sync of 512 bytes, as the log does it."""
    with tempfile.TemporaryDirectory(prefix="martlet-bench-") as folder:
        file = os.open(f"{folder}/file", os.O_RDWR | os.O_CREAT)
        os.pwrite(file, bytes(512 * count), 0)
        os.fsync(file)
        taken = []
        for number in range(count):
            os.pwrite(file, bytes([1]) * 512, 512 * number)
            began = time.monotonic()
            os.fdatasync(file)
            taken.append(time.monotonic() - began)
        os.close(file)
    return percentiles(taken)[0]


def deliver(server, count):
    """Microseconds from a producer's XADD to the reply of a consumer who waits."""
    server.call("DEL", "s")
    server.call("XGROUP", "CREATE", "s", "g", "0", "MKSTREAM")
    taken = []
    with resp.Connection(server.port) as producer, resp.Connection(server.port) as consumer:
        for number in range(count):
            consumer.send("XREADGROUP", "GROUP", "g", "c", "NOACK", "BLOCK", "0", "STREAMS", "s", ">")
            # It waits by then.
            producer.call("PING")
            time.sleep(0.0002)
            began = time.monotonic()
            producer.send("XADD", "s", "*", "n", number)
            entry = consumer.reply()[0][1][0]
            taken.append(time.monotonic() - began)
            expect(entry[1][1], str(number).encode(), "in the entry")
            producer.reply()
    return percentiles(taken)


def latency(claims, options, scale):
    print()
    table = report.Table("producer to waiting consumer", "", "p50 us", "p99 us", first_width=46)
    with contextlib.ExitStack() as stack:
        subjects = servers(stack, "martlet", "always")
        found = {key: [] for key in subjects}
        for _ in range(options.rounds):
            for key, server in subjects.items():
                found[key].append(deliver(server, max(int(3000 * scale), 50)))
        median = {key: [statistics.median(each) for each in zip(*values)] for key, values in found.items()}
        for key, server in subjects.items():
            table.row(server.name, "", f"{median[key][0]:.0f}", f"{median[key][1]:.0f}")
        sync = sync_microseconds()
    for place, name in ((0, "p50"), (1, "p99")):
        ratio = median["martlet"][place] / median["always"][place]
        holds = claims.at_most(f"streams, producer to waiting consumer: {name} against Redis always", ratio, 1, "times")
        claims.summarize(
            "streams: producer to waiting consumer", "no slower than Redis always", f"{name} {ratio:.2f} times", holds)
    claims.at_most(
        "streams, producer to waiting consumer: p50 beside one sync", median["martlet"][0] - sync, 100, "us")


def crowd(server, waiters, count):
    """XADDs a second that `waiters` consumers of one group take, each waiting again as soon as it is served."""
    server.call("DEL", "s")
    server.call("XGROUP", "CREATE", "s", "g", "0", "MKSTREAM")
    before = server.processor_seconds()
    generator = [redis_program("redis-benchmark"), "-p", str(server.port), "--csv"]
    # Each of its connections asks again when it has been answered.
    consumers = subprocess.Popen(
        [*generator, "-c", str(waiters), "-n", str(count), "-r", str(waiters), "XREADGROUP", "GROUP", "g",
         "c__rand_int__", "NOACK", "COUNT", "1", "BLOCK", "0", "STREAMS", "s", ">"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        end = time.monotonic() + 30
        while int(server.call("INFO", "clients").split(b"blocked_clients:")[1].split(b"\r")[0]) < waiters:
            if time.monotonic() > end:
                raise RuntimeError(f"{server.name}: not all consumers wait")
            time.sleep(0.01)
        began = time.monotonic()
        subprocess.run(
            [*generator, "-c", "1", "-P", "16", "-n", str(count), "XADD", "s", "*", "f", VALUE],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=600, check=True)
        text, _ = consumers.communicate(timeout=600)
        seconds = time.monotonic() - began
    finally:
        consumers.kill()
        consumers.wait()
    if b"Error from server" in text:
        raise RuntimeError(f"{server.name}: {text}")
    # As many were asked for as there are: each was handed to somebody, and nobody got nothing.
    group = server.call("XINFO", "GROUPS", "s")[0]
    known = dict(zip(group[::2], group[1::2]))
    expect(server.call("XLEN", "s"), count, "entries")
    expect(known[b"last-delivered-id"], server.call("XREVRANGE", "s", "+", "-", "COUNT", "1")[0][0], "delivered last")
    return Measure(count / seconds, (server.processor_seconds() - before) / count * 1e6)


def waiting(claims, options, scale):
    waiters, count = max(int(WAITERS * min(scale * 10, 1)), 10), max(int(100_000 * scale) // 16, 1) * 16
    print()
    table = report.Table(f"{waiters:,} consumers wait", "", "XADD/s", "cpu us/op", "x Redis", first_width=46)
    with contextlib.ExitStack() as stack:
        subjects = servers(stack, "martlet", "everysec")
        found = in_turn(1, subjects, lambda server: crowd(server, waiters, count))
        show(table, f"{count:,} XADDs", subjects, found, "everysec")
    Rows(claims).rate(f"{waiters:,} waiting consumers of one group", found, "everysec", 5, "Redis everysec")


def used_bytes(server):
    """What Redis says that it uses; of ours, what its stream takes."""
    if server.name == "Martlet":
        return server.call("MEMORY", "USAGE", "s") or 0
    return int(server.call("INFO", "memory").split(b"used_memory:")[1].split(b"\r")[0])


SHAPES = (
    ("1 field, 8 digits, in one ms", "0-{n}", ("f", "{n:08}")),
    ("1 short field, 1 ms apart", "{n}-0", ("f", "v")),
    ("3 x 16 bytes, same fields", "{n}-0", ("a", VALUE, "b", VALUE, "c", VALUE)),
    ("3 x 16 bytes, other fields", "{n}-0", ("a{n:07}", VALUE, "b{n:07}", VALUE, "c{n:07}", VALUE)),
    ("100 bytes", "{n}-0", ("f", "y" * 100)),
    ("1,000 bytes", "{n}-0", ("f", "y" * 1000)),
)


def sizes(claims, options, scale):
    print()
    count = max(int(50_000 * scale), 1000)
    table = report.Table(f"bytes an entry, {count:,} of them", "", "Martlet", "Redis", first_width=46)
    with contextlib.ExitStack() as stack:
        subjects = servers(stack, "martlet", "none")
        for name, identifier, fields in SHAPES:
            found = {}
            for key, server in subjects.items():
                server.call("DEL", "s")
                before = used_bytes(server)
                with resp.Connection(server.port) as connection:
                    for first in range(1, count + 1, 500):
                        numbers = range(first, min(first + 500, count + 1))
                        connection.socket.sendall(b"".join(
                            resp.command("XADD", "s", identifier.format(n=n), *(word.format(n=n) for word in fields))
                            for n in numbers))
                        for _ in numbers:
                            connection.reply()
                found[key] = (used_bytes(server) - before) / count
            table.row(name, "", f"{found['martlet']:.1f}", f"{found['none']:.1f}")
            holds = claims.at_most(
                f"streams, bytes an entry, {name}: against Redis", found["martlet"] / found["none"], 1, "times")
            claims.summarize(
                "streams: bytes an entry", "no more than Redis",
                f"{name}: {found['martlet']:.0f} / {found['none']:.0f}", holds)
        for name, identifier, limit in (("in one ms", "0-{n}", 34), ("5 ms apart", "{n}-0", 59)):
            server = subjects["martlet"]
            server.call("DEL", "s")
            with resp.Connection(server.port) as connection:
                for n in range(1, count + 1):
                    connection.send("XADD", "s", identifier.format(n=n * (5 if "apart" in name else 1)), "f", "v")
                    connection.reply()
                connection.call("XGROUP", "CREATE", "s", "g", "0")
                before = used_bytes(server)
                connection.call("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">")
                expect(connection.call("XPENDING", "s", "g")[0], count, "pending entries")
            each = (used_bytes(server) - before) / count
            table.row(f"pending, {name}", "", f"{each:.1f}", "")
            claims.at_most(f"streams, bytes a pending entry, {name}", each, limit, "bytes")


def restarts(claims, options, scale):
    print()
    count = max(int(options.entries * scale), 1000)
    table = report.Table(f"restart with {count:,} entries", "", "seconds", "", first_width=46)
    with contextlib.ExitStack() as stack:
        commands = stack.enter_context(
            redis("Redis, AOF of commands", "everysec", "--aof-use-rdb-preamble", "no", "--auto-aof-rewrite-percentage",
                  "0"))
        subjects = {"martlet": stack.enter_context(martlet()), "commands": commands}
        found = {}
        for key, server in subjects.items():
            server.fill(count)
            # Everything is written by then.
            time.sleep(2)
            server.kill()
            found[key] = server.start()
            expect(server.call("XLEN", "s"), count, "entries")
            table.row(server.name, "", f"{found[key]:.2f}", "")
        commands.call("CONFIG", "SET", "aof-use-rdb-preamble", "yes")
        commands.call("BGREWRITEAOF")
        while b"aof_rewrite_in_progress:1" in commands.call("INFO", "persistence"):
            time.sleep(0.1)
        commands.kill()
        table.row("Redis, AOF with RDB preamble", "", f"{commands.start():.2f}", "")
    ratio = found["martlet"] / found["commands"]
    holds = claims.at_most(
        f"streams, restart with {count:,} entries: against Redis's AOF of commands", ratio, 0.5, "times")
    claims.summarize(f"streams: restart with {count:,} entries", "half of Redis", f"{ratio:.2f} times", holds)


# MARK: Three members

class Members:
    """Three of ours, or one Redis with two replicas; ended with the `with` block."""

    def __init__(self, kind):
        self.kind = kind
        self.every = []

    def __enter__(self):
        try:
            self._start_martlet() if self.kind == "martlet" else self._start_redis()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for server, folder in self.every:
            server.process.send_signal(signal.SIGKILL)
            server.stop()
            folder.cleanup()

    def _start_martlet(self):
        ports = stores.free_ports(9)
        cluster = ",".join(f"m{n}=http://127.0.0.1:{ports[3 + n]}" for n in range(3))

        def start(n):
            folder, client, peer = stores.folder(), f"http://127.0.0.1:{ports[n]}", f"http://127.0.0.1:{ports[3 + n]}"
            return programs.Server([
                programs.martlet(), "server", "--name", f"m{n}", "--data-dir", f"{folder.name}/data", "--log-level",
                "error", "--listen-client-urls", client, "--advertise-client-urls", client, "--listen-peer-urls", peer,
                "--initial-advertise-peer-urls", peer, "--initial-cluster", cluster, "--listen-stream-urls",
                f"redis://127.0.0.1:{ports[6 + n]}"], ports[n]), folder

        # None listens before most of them run.
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            for started in [pool.submit(start, n) for n in range(3)]:
                self.every.append(started.result())
        self.port = self._leader(ports[6:])

    def _leader(self, ports):
        end = time.monotonic() + 30
        while time.monotonic() < end:
            for port in ports:
                with contextlib.suppress(OSError, RuntimeError), resp.Connection(port) as connection:
                    if b"martlet_role:leader" in connection.call("INFO", "replication"):
                        connection.call("DEL", "s")
                        return port
            time.sleep(0.1)
        raise RuntimeError("nobody leads")

    def _start_redis(self):
        ports = stores.free_ports(3)
        for n, port in enumerate(ports):
            folder = stores.folder()
            more = ["--replicaof", "127.0.0.1", str(ports[0])] if n else []
            self.every.append((programs.Server([
                redis_program("redis-server"), "--port", port, "--dir", folder.name, "--save", "", "--appendonly",
                "yes", "--appendfsync", "always", *more], port), folder))
        self.port = ports[0]
        with resp.Connection(self.port) as connection:
            while connection.call("INFO", "replication").count(b"state=online") < 2:
                time.sleep(0.1)

    def processor_seconds(self):
        return sum(server.processor_seconds() for server, _ in self.every)


def replicated(claims, options, scale):
    count = max(int(500_000 * scale) // 16, 50)
    batch = resp.command("XADD", "s", "*", "f", VALUE) * 16
    print()
    table = report.Table("three members, XADD, pipeline 16", "", "ops/s", "cpu us/op", "x Redis", first_width=46)
    found = {}
    for kind, name in (("martlet", "Martlet, majority synced"), ("redis", "Redis, 2 replicas, always, WAIT 1")):
        with Members(kind) as members:
            # Two lines each, and that of WAIT.
            whole = (batch + resp.command("WAIT", 1, 0), 33) if kind == "redis" else (batch, 32)
            measures = []
            for _ in range(options.rounds):
                with resp.Connection(members.port) as connection:
                    connection.call("DEL", "s")
                before = members.processor_seconds()
                seconds = resp.run(members.port, (whole for _ in range(count)), CONNECTIONS)
                spent = members.processor_seconds() - before
                with resp.Connection(members.port) as connection:
                    expect(connection.call("XLEN", "s"), count * 16, "entries")
                measures.append(Measure(count * 16 / seconds, spent / count / 16 * 1e6))
            found[kind] = report.median(measures)
            table.row(name, "", f"{found[kind].rate:,.0f}", f"{found[kind].microseconds:.2f}", "")
    Rows(claims).rate("three members, XADD, pipeline 16", found, "redis", 1, "Redis with WAIT 1")


PARTS = {
    "appends": appends, "groups": groups, "ranges": ranges, "latency": latency, "waiting": waiting, "sizes": sizes,
    "restarts": restarts, "replicated": replicated,
}


def measure(claims, options):
    """All rows. `--stream-part` takes some of them, `--stream-scale` changes their counts."""
    print()
    try:
        redis_program("redis-server"), redis_program("redis-benchmark")
    except programs.Unavailable as missing:
        claims.not_shown("streams", str(missing))
        return
    scale = options.stream_scale or (0.02 if options.quick else 1)
    for name, part in PARTS.items():
        if not options.stream_part or name in options.stream_part:
            part(claims, options, scale)
