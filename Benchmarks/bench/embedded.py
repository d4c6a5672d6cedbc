# SPDX-License-Identifier: Apache-2.0
"""A store inside a process: how soon it is there, and its writes beside the same clients' over a socket.

The server is `martlet server`, in a folder on the same disk as the store that has one, and, where the system has a file
system in memory, in a folder there: what is left between that and a store in memory is the socket.
"""

import contextlib
import pathlib
import subprocess
import tempfile

from . import programs, report, stores

CALLERS = (1, 64)
MEMORY = pathlib.Path("/dev/shm")
# Milliseconds from nothing to the first acknowledged put.
MEMORY_START, FOLDER_START = 5, 20
TIMES_FASTER = 3


def measure(claims, options):
    _measure_starts(claims, options)
    _measure_writes(claims, options)


def run(command, *arguments):
    line = [programs.embedded_bench(), command, *arguments]
    found = subprocess.run([str(part) for part in line], stdout=subprocess.PIPE, text=True, timeout=600, check=True)
    return stores.parse(found.stdout)


def _measure_starts(claims, options):
    print()
    table = report.Table("embedded, start to first put", "", "first ms", "others ms", "end ms")
    for name, limit in (("in memory", MEMORY_START), ("in a folder", FOLDER_START)):
        found = []
        for _ in range(options.rounds):
            with stores.folder() as folder:
                found.append(run("start", *(("--path", folder) if limit == FOLDER_START else ())))
        start = report.medians(found)
        table.row(name, "", f"{start['cold']:.2f}", f"{start['warm']:.2f}", f"{start['end']:.2f}")
        text = f"embedded: start to first put, {name}"
        holds = claims.at_most(f"{text}, the process's first", start["cold"], limit, "ms")
        holds &= claims.at_most(f"{text}, the others", start["warm"], limit, "ms")
        claims.summarize("Embedded: start to first put", f"{name} ≤ {limit} ms", f"{start['cold']:.1f} ms", holds)


def _stores(stack):
    """What MARTLET_STORE would say, by name."""
    found = {"memory": "embedded", "folder": f"embedded:{stack.enter_context(stores.folder())}/data"}
    found["server"] = server(stack, stack.enter_context(stores.folder()))
    if MEMORY.is_dir():
        place = stack.enter_context(tempfile.TemporaryDirectory(prefix="martlet-bench-", dir=MEMORY))
        found["server in memory"] = server(stack, place)
    return found


def server(stack, folder):
    keys, streams = stores.free_ports(2)
    stack.enter_context(programs.Server([
        programs.martlet(), "server", "--data-dir", f"{folder}/data", "--log-level", "error",
        "--listen-client-urls", f"http://127.0.0.1:{keys}", "--listen-stream-urls", f"redis://127.0.0.1:{streams}",
    ], keys))
    return f"etcd://127.0.0.1:{keys} redis://127.0.0.1:{streams}"


NAMES = {
    "memory": "embedded, in memory", "folder": "embedded, in a folder", "server": "martlet server, in a folder",
    "server in memory": "martlet server, folder in memory",
}


def _measure_writes(claims, options):
    for kind, title in (("put", "Put 64 B"), ("add", "XADD 64 B")):
        print()
        table = report.Table(f"embedded, {title}", "callers", "ops/s", "client us/op", "p50 us", "p99 us", "x server")
        for callers in CALLERS:
            with contextlib.ExitStack() as stack:
                places = _stores(stack)
                found = {name: [] for name in places}
                for _ in range(options.rounds):
                    for name, place in places.items():
                        found[name].append(run(
                            "writes", "--store", place, "--kind", kind, "--callers", callers,
                            "--seconds", options.seconds))
            medians = {name: report.medians(each) for name, each in found.items()}
            server = medians["server"]
            for name, each in medians.items():
                table.row(
                    NAMES[name], f"{callers}", f"{each['rate']:,.0f}", f"{each['cpu']:.1f}", f"{each['p50']:,.0f}",
                    f"{each['p99']:,.0f}", f"{each['rate'] / server['rate']:.2f}")
            if kind == "put":
                _claim(claims, medians, callers)


def _claim(claims, medians, callers):
    text = f"embedded: Put in memory by {callers} against the same client and martlet server"
    ratio = medians["memory"]["rate"] / medians["server"]["rate"]
    holds = claims.at_least(text, ratio, TIMES_FASTER)
    claims.summarize(
        "Embedded: Put", f"rate ≥ {TIMES_FASTER} times the networked one", f"{callers} callers: {ratio:.2f}", holds)
