# SPDX-License-Identifier: Apache-2.0
"""Members that come back or come new, beside etcd 3.5.1's: how long until they have all, and what callers notice.

The clusters run one after the other, each alone on the machine.
"""

import contextlib
import time

from . import cluster, programs, report, stores

MISSED_WRITES, QUICK_MISSED_WRITES = 1_000_000, 20_000
KEYS = 100_000
# Two gigabytes.
LARGE_KEYS, QUICK_LARGE_KEYS, LARGE_VALUE_BYTES = 1_000_000, 10_000, 2_048
# A call's message fits into the window that a server opens with.
LARGE_KEYS_PER_CALL = 25
CONNECTIONS = ("--connections", 50, "--streams", 20)
# What callers ask of the leader meanwhile, and before: far from what either can.
CALLS_PER_SECOND = 1_000
CALM_SECONDS, QUICK_CALM_SECONDS = 10, 1
# Of the percentile of callers' waits while a member catches up to that before.
DOUBLED = 2
LIMIT_SECONDS = 600


def measure(claims, options):
    found = {}
    for key, make in cluster.makers(["--quota-backend-bytes", str(stores.QUOTA_BYTES)]).items():
        with make() as members:
            found[key] = {"name": members.name, "back": _come_back(members, options)}
        with make() as members:
            found[key]["new"] = _join(members, options)
    print()
    table = report.Table("a member comes", "", "seconds", "", "p99 before", "p99 while")
    for each in found.values():
        for what, name in (("back", "back"), ("new", "new")):
            seconds, before, while_ = each[what]
            table.row(f"{each['name']}, {name}", "", f"{seconds:.2f}", "", f"{before:,.0f}", f"{while_:,.0f}")
    print("Seconds: from the start of its process until it has applied what the leader had then. Microseconds: puts "
          f"to the leader, {CALLS_PER_SECOND:,} a second, "
          f"over {_seconds(options)} seconds: before, and from the member's start.")
    gigabytes = _large_keys(options) * LARGE_VALUE_BYTES / 1e9
    for what, work in (("back", f"a member is back that missed {_missed(options):,} writes"),
                       ("new", f"a new member joins a store of {gigabytes:.2g} GB")):
        _claim(claims, found, what, work)


def _claim(claims, found, what, work):
    goal = "time ≤ 1/2, leader's p99 ≤ 2 times that before"
    ours = found["martlet"][what]
    if "etcd" in found:
        ratio = ours[0] / found["etcd"][what][0]
        holds = claims.at_most(f"rejoin: {work}: time against etcd's", ratio, 0.5, "times")
        claims.summarize(work, goal, f"{ratio:.2f}", holds)
    else:
        claims.not_shown(f"rejoin: {work}: time against etcd's", "etcd 3.5.1")
    rise = ours[2] / ours[1]
    holds = claims.at_most(f"rejoin: {work}: the leader's p99 against before", rise, DOUBLED, "times")
    claims.summarize(work, goal, f"p99: {rise:.2f}", holds)


def _come_back(members, options):
    """Seconds until a follower has caught up, and the leader's p99 before and meanwhile."""
    leader, follower = members.leader(), members.followers()[0]
    leader.load("put", "--keys", KEYS, "--calls", KEYS, *CONNECTIONS)
    before = _calm(leader, options)
    follower.kill()
    leader.load("put", "--keys", KEYS, "--random", *CONNECTIONS,
                "--calls", _missed(options))
    return _time(leader, follower, before, options)


def _join(members, options):
    leader = members.leader()
    keys = _large_keys(options)
    leader.load("put", "--keys", keys, "--calls", keys // LARGE_KEYS_PER_CALL, "--keys-per-call", LARGE_KEYS_PER_CALL,
                "--value-bytes", LARGE_VALUE_BYTES, "--connections", 4, "--streams", 8)
    before = _calm(leader, options)
    return _time(leader, members.newcomer(), before, options)


def _time(leader, member, before, options):
    wanted = int(leader.status()["raftAppliedIndex"])
    load = _begin(leader, options)
    began = time.monotonic()
    member.server = programs.Server(member.command, member.port, patience=LIMIT_SECONDS)
    while _applied(member) < wanted:
        if time.monotonic() - began > LIMIT_SECONDS:
            raise RuntimeError(f"{member.name} has not caught up")
        time.sleep(0.02)
    seconds = time.monotonic() - began
    return seconds, before, stores.parse(leader.finish(load))["p99"]


def _applied(member):
    with contextlib.suppress(OSError, RuntimeError, KeyError):
        return int(member.call("maintenance/status", {}, timeout=5)["raftAppliedIndex"])
    return -1


def _begin(leader, options):
    return leader.begin(
        "put", "--keys", KEYS, "--random", "--connections", 4, "--streams", 4, "--rate", CALLS_PER_SECOND,
        "--seconds", _seconds(options))


def _seconds(options):
    return QUICK_CALM_SECONDS if options.quick else CALM_SECONDS


def _missed(options):
    return QUICK_MISSED_WRITES if options.quick else MISSED_WRITES


def _large_keys(options):
    return QUICK_LARGE_KEYS if options.quick else LARGE_KEYS


def _calm(leader, options):
    time.sleep(cluster.SETTLE_SECONDS)
    return stores.parse(leader.finish(_begin(leader, options)))["p99"]
