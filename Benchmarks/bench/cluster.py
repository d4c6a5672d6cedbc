# SPDX-License-Identifier: Apache-2.0
"""Three members beside three of etcd 3.5.1's, on this machine: calls of leaders and followers, a leader that goes."""

import argparse
import base64
import concurrent.futures
import contextlib
import signal
import statistics
import time
import urllib.error

from . import load, programs, report, store, stores

MEMBERS = 3
# Whoever writes doesn't wait for a member that may be gone.
PATIENCE = 0.05
KEY = base64.b64encode(b"written").decode()
SETTLE_SECONDS = 3
# Members must have found each other, and a leader.
START_SECONDS = 30


class Member(stores.Store):
    """One of several, with a processor time that is all of theirs."""

    cluster = ()

    def processor_seconds(self):
        return sum(each.server.processor_seconds() for each in self.cluster if each.server)

    def status(self):
        return self.call("maintenance/status", {})

    def is_leader(self):
        status = self.status()
        return status["leader"] == status["header"]["member_id"]

    def put(self, timeout):
        return self.call("kv/put", {"key": KEY}, timeout)


class Cluster:
    """Members that are started together, and ended with the `with` block they are used in."""

    def __init__(self, name, make):
        self.name = name
        self.make = make
        ports = stores.free_ports(2 * MEMBERS)
        self.peers = [f"http://127.0.0.1:{port}" for port in ports[MEMBERS:]]
        self.members = []
        for number, port in enumerate(ports[:MEMBERS]):
            self._add(number, port)

    def _add(self, number, port, *more):
        folder, url = stores.folder(), f"http://127.0.0.1:{port}"
        every = ",".join(f"m{number}={url}" for number, url in enumerate(self.peers))
        command = self.make() + [
            "--name", f"m{number}", "--data-dir", f"{folder.name}/data", "--log-level", "error",
            "--listen-client-urls", url, "--advertise-client-urls", url,
            "--listen-peer-urls", self.peers[number], "--initial-advertise-peer-urls", self.peers[number],
            "--initial-cluster", every, *more]
        member = Member(self.name, command, "http", port, folder)
        member.cluster = self.members
        self.members.append(member)
        return member

    def newcomer(self):
        """One more member, known to the others, but not started."""
        port, peer_port = stores.free_ports(2)
        self.peers.append(f"http://127.0.0.1:{peer_port}")
        end = time.monotonic() + START_SECONDS
        while True:
            # Members that have only just met take nobody new.
            try:
                self.leader().call("cluster/member/add", {"peerURLs": [self.peers[-1]]})
                break
            except urllib.error.URLError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.5)
        return self._add(len(self.members), port, "--initial-cluster-state", "existing")

    def __enter__(self):
        # None serves before most of them run.
        with concurrent.futures.ThreadPoolExecutor(MEMBERS) as pool:
            for started in [pool.submit(member.start) for member in self.members]:
                started.result()
        return self

    def __exit__(self, *_):
        for member in self.members:
            member.__exit__()

    def leader(self):
        end = time.monotonic() + START_SECONDS
        while True:
            for member in self.members:
                with contextlib.suppress(OSError, RuntimeError):
                    if member.server and member.is_leader():
                        return member
            if time.monotonic() > end:
                raise RuntimeError(f"{self.name} has no leader")
            time.sleep(0.05)

    def followers(self):
        leader = self.leader()
        return [member for member in self.members if member is not leader]

    def gap(self, how):
        """Seconds without a write behind the end of the leader, which is started again."""
        leader = self.leader()
        others = [member for member in self.members if member is not leader]
        for member in others:
            member.put(1)
        began = time.monotonic()
        leader.server.process.send_signal(how)
        turn = 0
        while True:
            member = others[turn % len(others)]
            turn += 1
            try:
                member.put(PATIENCE)
                break
            except (OSError, urllib.error.URLError):
                if time.monotonic() - began > START_SECONDS:
                    raise
        took = time.monotonic() - began
        leader.server.stop()
        leader.start()
        time.sleep(SETTLE_SECONDS)
        return took


def makers(arguments=()):
    """The makers of the clusters that are there: ours first."""
    made = {"martlet": lambda: Cluster("Martlet", lambda: [programs.martlet(), "server", *arguments])}
    with contextlib.suppress(programs.Unavailable):
        programs.etcd_35()
        made["etcd"] = lambda: Cluster("etcd 3.5.1", lambda: [programs.etcd_35(), *arguments])
    return made


def measure(claims, options):
    options = argparse.Namespace(**vars(options))
    options.seconds *= store.ROUND_PART
    with contextlib.ExitStack() as stack:
        found = {key: stack.enter_context(make()) for key, make in makers().items()}
        for each in found.values():
            each.leader().call("kv/put", store.json_put(b"read"))
        time.sleep(SETTLE_SECONDS)
        print()
        table = report.Table(f"{MEMBERS} members, calls by h2load", *store.TITLES, first_width=store.WIDTH)
        for connections, streams in store.LOADS:
            _measure_calls(table, claims, options, found, connections, streams)
            _measure_all(table, claims, options, found, connections, streams)
        print("Processor time is that of all members together.")
        _measure_paced(claims, options, found)
        _measure_gaps(claims, options, found)


def _measure_calls(table, claims, options, found, connections, streams):
    at = f"{connections}x{streams}"
    rows = (
        ("Put 64 B to the leader", store.PUT, store.put_request(b"put"), b"", False, 3),
        ("Range at a follower", store.RANGE, store.range_request(b"read"), store.VALUE, True, None),
        ("Range at a follower, serializable", store.RANGE, store.range_request(b"read", serializable=True),
         store.VALUE, True, None),
    )
    for name, path, request, expected, at_follower, spent in rows:
        subjects = {}
        for key, cluster in found.items():
            member = cluster.followers()[0] if at_follower else cluster.leader()
            subjects[key] = load.Subject(
                f"{cluster.name}, {name}", member, path, request, expected, growing_bytes=store.GROWING_BYTES)
        measures = load.measure_in_turn(subjects, connections, streams, options.rounds, options.seconds)
        medians = {key: report.median(each) for key, each in measures.items()}
        store.show(table, claims, found, f"{MEMBERS} members, {name}", at, medians, 2.5, spent)


def _measure_all(table, claims, options, found, connections, streams):
    """Puts to all members at once, each with its part of the connections."""
    arguments = ("put", "--keys", store.KEYS, "--random", "--connections", max(connections // MEMBERS, 1),
                 "--streams", streams, "--seconds", options.seconds)

    def measure_one(cluster):
        before = cluster.members[0].processor_seconds()
        loads = [member.begin(*arguments) for member in cluster.members]
        results = [stores.parse(member.finish(each)) for member, each in zip(cluster.members, loads)]
        spent = cluster.members[0].processor_seconds() - before
        calls = sum(each["calls"] for each in results)
        return {"rate": sum(each["rate"] for each in results), "cpu": spent / calls * 1e6}

    medians = store.in_turn(found, options.rounds, measure_one)
    store.show(table, claims, found, f"{MEMBERS} members, Put 64 B to all of them", f"{connections}x{streams}",
               {key: load.Measure(each["rate"], each["cpu"]) for key, each in medians.items()}, 2.5, 3)


def _measure_paced(claims, options, found):
    """How long puts wait when both clusters have the same to do, half of what etcd's can."""
    text = f"store: {MEMBERS} members, Put p99 at half of etcd's rate"
    if "etcd" not in found:
        return claims.not_shown(text, "etcd 3.5.1")
    arguments = ("put", "--keys", store.KEYS, "--random", "--connections", 10, "--streams", 10,
                 "--seconds", options.seconds)
    most = store.in_turn({"etcd": found["etcd"].leader()}, options.rounds, lambda member: member.load(*arguments))
    rate = int(most["etcd"]["rate"] / 2)
    leaders = {key: each.leader() for key, each in found.items()}
    medians = store.in_turn(leaders, options.rounds, lambda member: member.load(*arguments, "--rate", rate))
    print()
    table = report.Table(f"{MEMBERS} members, {rate:,} puts a second", "", "p50 us", "p99 us")
    for key, each in medians.items():
        table.row(found[key].name, "", f"{each['p50']:,.0f}", f"{each['p99']:,.0f}")
    ratio = medians["martlet"]["p99"] / medians["etcd"]["p99"]
    claims.summarize(f"{MEMBERS} members, Put at half of etcd's rate: p99", "≤ 1 times", f"{ratio:.2f}",
                     claims.at_most(f"{text} against etcd's", ratio, 1, "times"))


def _measure_gaps(claims, options, found):
    print()
    table = report.Table("no write is taken", "", "ms", "", "of")
    gaps = {}
    for how, name in ((signal.SIGKILL, "leader killed"), (signal.SIGTERM, "leader stopped")):
        for key, cluster in found.items():
            taken = [cluster.gap(how) * 1000 for _ in range(options.rounds)]
            gaps[key, how] = statistics.median(taken)
            table.row(f"{cluster.name}, {name}", "", f"{gaps[key, how]:,.0f}", "",
                      ", ".join(f"{each:,.0f}" for each in taken))
    print("From the signal to the first put that another member has answered; each is asked for "
          f"{PATIENCE * 1000:.0f} ms.")
    ours = gaps["martlet", signal.SIGTERM]
    claims.summarize("leader stopped by SIGTERM: time without writes", "≤ 100 ms", f"{ours:.0f} ms", claims.at_most(
        "cluster: no writes after SIGTERM", ours, 100, "ms"))
    if "etcd" not in found:
        claims.not_shown("cluster: no writes after SIGKILL against etcd's", "etcd 3.5.1")
        return
    ratio = gaps["martlet", signal.SIGKILL] / gaps["etcd", signal.SIGKILL]
    claims.summarize("leader killed: time without writes", "≤ 1 times", f"{ratio:.2f}", claims.at_most(
        "cluster: no writes after SIGKILL against etcd's", ratio, 1, "times"))
