# SPDX-License-Identifier: Apache-2.0
"""The framework's client beside grpcio's and grpc-swift-2's, and what callers notice of nodes that come and go."""

import contextlib
import pathlib
import subprocess

from . import client, programs, report, stores

NODES = 3
# The forms of grpcio's client; what counts is the fastest.
GRPCIO_FORMS = ("asyncio", "threads", "futures")
# Calls of the first run of each, which tells how many fill a round.
WARM_UP_CALLS = 4_000
# Nodes, calls a second and seconds of the run in which a third of the nodes is killed.
KILL, QUICK_KILL = (30, 5_000, 9), (12, 1_000, 3)
# How long the registry is away; a quick run sees only that it works.
AWAY_SECONDS, QUICK_AWAY_SECONDS = 60, 5
# A record's time to live where it must run out while the registry stands still: the framework's own, and a short one.
LIVE_SECONDS, QUICK_LIVE_SECONDS = 15, 2
WIDTH = 46


class FleetCaller(client.Caller):
    """Calls all nodes by turns; its figures are those of its own process."""

    def __init__(self, name, *words):
        super().__init__(name, None, None)
        self.words = words

    def line(self, calls):
        return [str(calls) if word == "CALLS" else word for word in self.words]


def run(*words, timeout=600):
    """What a command of MartletFleetBench has measured, by name."""
    process = subprocess.run(
        [str(word) for word in (programs.fleet_bench(), *words)], capture_output=True, text=True, timeout=timeout)
    if process.returncode != 0:
        raise RuntimeError(f"MartletFleetBench {words[0]} failed:\n{process.stdout}{process.stderr}")
    lines = process.stdout.splitlines()
    for line in lines[1:]:
        print(line)
    return stores.parse(lines[0])


def measure(claims, options):
    _clients(claims, options)
    _discovery(claims, options)
    _kill(claims, options)
    for how in ("killed", "stopped"):
        _registry(claims, options, how)
    _nodes(claims, options)


def _clients(claims, options):
    print()
    table = report.Table(
        f"client, {client.TASKS} calls at once, {NODES} nodes", "", "calls/s", "cpu us/call", "x grpcio",
        "x grpc-swift", first_width=WIDTH)
    with contextlib.ExitStack() as stack:
        nodes = [stack.enter_context(programs.Server([programs.fleet_bench(), "node"])) for _ in range(NODES)]
        ports = ",".join(str(node.port) for node in nodes)
        ours = FleetCaller(
            "MicroClient, two interceptors", programs.fleet_bench(), "client", "--ports", ports, "--tasks",
            client.TASKS, "--calls", "CALLS")
        swift = FleetCaller(
            "grpc-swift-2 on its NIO transport", programs.peer("GRPCSwiftCaller"), ports, client.TASKS, "CALLS")
        callers = [ours, swift]
        try:
            python = programs.peers_python()
            script = pathlib.Path(__file__).with_name("grpcio_caller.py")
            forms = [
                FleetCaller(f"grpcio, {form}", python, script, form, ports, client.TASKS, "CALLS")
                for form in GRPCIO_FORMS]
            callers += forms
        except programs.Unavailable as missing:
            forms = []
            claims.not_shown("client over three nodes against grpcio's", str(missing))
        for caller in callers:
            caller.warm_up(WARM_UP_CALLS)
        measures = {caller.name: [] for caller in callers}
        for _ in range(options.rounds):
            for caller in callers:
                measures[caller.name].append(caller.measure(options.seconds))
    found = {name: report.median(each) for name, each in measures.items()}
    grpcio = max((found[form.name] for form in forms), key=lambda each: each.rate, default=None)
    for caller in callers:
        result = found[caller.name]
        table.row(
            caller.name, "", f"{result.rate:,.0f}", f"{result.microseconds:.2f}",
            *(report.ratios(result, peer) if result is not peer else "1" for peer in (grpcio, found[swift.name])))
    print("Ratios: of rate / of the client's processor time a call; more is better for Martlet.")
    own = found[ours.name]
    for name, other, limit in (("grpcio's best form", grpcio, 4), ("grpc-swift-2's", found[swift.name], 2)):
        if not other:
            continue
        holds = claims.at_least(f"client over three nodes against {name}: rate", own.rate / other.rate, limit)
        claims.at_least(
            f"client over three nodes against {name}: processor time", other.microseconds / own.microseconds, limit)
        claims.summarize(
            f"client over three nodes, against {name}", f"{limit}x rate",
            f"{own.rate / other.rate:.1f}x rate, {other.microseconds / own.microseconds:.1f}x less processor time",
            holds)


def _table(title, figures):
    print()
    table = report.Table(title, "", "", "", first_width=WIDTH)
    for name, value in figures:
        table.row(name, "", value, "")


def _discovery(claims, options):
    found = run("discovery", "--store", programs.martlet(), "--rounds", 2 if options.quick else 5)
    _table("discovery, 3 nodes called 2,000 times a second", (
        ("registered to first call, median", f"{found['first-call-median-ms']:.1f} ms"),
        ("registered to first call, longest", f"{found['first-call-max-ms']:.1f} ms"),
        ("its share from 100 ms on, of a fair one", f"{found['share-min']:.2f}-{found['share-max']:.2f}"),
        ("killed: calls tried on it at once", f"{found['tried-at-once']:.0f}"),
        ("killed: tried after a failure was known", f"{found['tried-after-failure']:.0f}"),
        ("killed: probes until its lease ran out", f"{found['probes-max']:.0f}"),
        ("killed: record gone after", f"{found['expiry-max-s']:.1f} s"),
        ("expired: calls tried on it", f"{found['tried-after-expiry']:.0f}"),
        ("errors", f"{found['errors']:.0f} of {found['calls']:,.0f}"),
    ))
    claims.summarize(
        "discovery", "a new node is called within 100 ms",
        f"{found['first-call-max-ms']:.0f} ms at most",
        claims.at_most(
            "discovery: from its registration to a new node's first call", found["first-call-max-ms"], 100, "ms"))
    claims.at_least(
        "discovery: a new node's share from 100 ms on, of a fair one", found["share-min"], 0.9)
    for name, text in (
            ("errors", "calls that failed"),
            ("tried-after-failure", "calls tried on a killed node after the first failure, before the first probe"),
            ("tried-after-expiry", "calls tried on a killed node after its lease has run out")):
        claims.at_most(f"discovery: {text}", found[name], 0, "calls")


def _kill(claims, options):
    nodes, rate, seconds = QUICK_KILL if options.quick else KILL
    found = run(
        "kill", "--store", programs.martlet(), "--nodes", nodes, "--rate", rate, "--seconds", seconds)
    text = f"{nodes // 3} of {nodes} nodes killed under {rate:,} idempotent calls a second"
    _table(text, (
        ("calls a second", f"{found['rate']:,.0f}"),
        ("calls left out, too many under way", f"{found['left-out']:,.0f}"),
        ("errors", f"{found['errors']:.0f} of {found['calls']:,.0f}"),
        ("calls made more than once", f"{found['repeated']:.0f}"),
        ("latency before: median, 99 %, longest", _latencies(found, "before")),
        ("latency after: median, 99 %, longest", _latencies(found, "after")),
    ))
    holds = claims.at_most(f"{text}: calls that failed", found["errors"], 0, "calls")
    claims.summarize(
        text, "0 errors", f"{found['errors']:.0f} errors of {found['calls']:,.0f} calls", holds)
    claims.at_least(f"{text}: the calls a second that were made", found["rate"], rate * 0.98)


def _latencies(found, name):
    return " ".join(f"{found[f'{name}-{part}-ms']:.1f}" for part in ("p50", "p99", "max")) + " ms"


def _registry(claims, options, how):
    away = QUICK_AWAY_SECONDS if options.quick else AWAY_SECONDS
    found = run(
        "registry", "--store", programs.martlet(), "--how", how, "--seconds", away, "--time-to-live",
        QUICK_LIVE_SECONDS if options.quick else LIVE_SECONDS)
    _table(f"the registry is {how} for {away} s", (
        ("errors", f"{found['errors']:.0f} of {found['calls']:,.0f}"),
        ("node started meanwhile is called after", f"{found['newcomer-called-ms']:,.0f} ms"),
        ("latency: median, 99 %, longest", _latencies(found, "call")),
    ))
    holds = claims.at_most(f"the registry is {how} for {away} s: calls that failed", found["errors"], 0, "calls")
    claims.summarize(
        "the registry is away for a minute", "0 errors; registers again by itself",
        f"{how}: {found['errors']:.0f} errors, registered again {found['newcomer-called-ms'] / 1000:.1f} s after",
        holds)


def _nodes(claims, options):
    counts = (100, 1_000) if options.quick else (100, 1_000, 10_000)
    found = {count: run("nodes", "--nodes", count) for count in counts}
    print()
    table = report.Table(
        "many nodes", *(f"{count:,}" for count in counts), *("" for _ in range(3 - len(counts))), first_width=WIDTH)
    for text, name, form in (
            ("cache, KiB", "cache-mib", lambda value: f"{value * 1024:,.0f}"),
            ("cache, bytes a node", "cache-bytes-per-node", lambda value: f"{value:,.0f}"),
            ("first call, ms", "first-call-ms", lambda value: f"{value:,.1f}"),
            ("a change of one node, us", "change-us", lambda value: f"{value:,.1f}")):
        table.row(text, *(form(found[count][name]) for count in counts))
    most = counts[-1]
    for selector in ("round-robin", "random", "weighted", "least-outstanding", "two-choices", "consistent-hash"):
        times = [found[count][f"{selector}-ns"] for count in counts]
        table.row(f"{selector}, ns a choice", *(f"{time:,.0f}" for time in times))
        # A search would take a hundred times longer; what remains is that ten thousand nodes fit no cache.
        text = f"{selector}: a choice among {most:,} nodes beside one among 100"
        claims.at_most(text, times[-1] / times[0], 10, "times")
    claims.summarize(
        f"{most:,} registered nodes", "memory and selection reported",
        f"{found[most]['cache-mib']:.1f} MiB; {found[most]['round-robin-ns']:,.0f} ns round robin, "
        f"{found[most]['consistent-hash-ns']:,.0f} ns by key", True)
