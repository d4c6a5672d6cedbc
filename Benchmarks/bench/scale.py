# SPDX-License-Identifier: Apache-2.0
"""A million keys: memory and disk, counts and limited ranges, a restart after a kill. And a million overwrites of few.

The stores run one after the other, each alone on the machine.
"""

import statistics
import subprocess
import time

from . import programs, report, stores

KEYS, QUICK_KEYS = 1_000_000, 20_000
VALUE_BYTES = 128
VERSIONS = 5
RESTARTS = 3
# For what a server still does after its last answer.
REST_SECONDS, QUICK_REST_SECONDS = 10, 1
WRITES_PER_SECOND = 1_000
# Single puts before the first kill: more than etcd's 100,000 entries between snapshots, so that its log's tail is as
# short as it would be in a server that has long been at work.
PUTS_BEFORE_KILL = 110_000
# How long puts run before each kill.
LOAD_SECONDS = 1.5
OVERWRITTEN_KEYS, OVERWRITES, STEPS = 10_000, 1_000_000, 10
# Of the later steps to the earlier.
FLAT = 1.25
MEBIBYTE = 1 << 20
CONNECTIONS = ("--connections", 50, "--streams", 20)


def measure(claims, options):
    keys = QUICK_KEYS if options.quick else KEYS
    found = {}
    for key, make in stores.both().items():
        with make() as store:
            found[key] = _measure_store(store, keys, options)
    core = _measure_core(keys)
    _show_space(claims, found, keys)
    _show_ranges(claims, found, core, keys)
    _show_restarts(claims, found, keys)


def _measure_store(store, keys, options):
    found = {"name": store.name}
    fill = store.load("put", "--keys", keys, "--calls", keys, "--value-bytes", VALUE_BYTES, *CONNECTIONS)
    found["fill"] = fill["rate"]
    found["filled"] = store.resident_bytes()
    time.sleep(QUICK_REST_SECONDS if options.quick else REST_SECONDS)
    found["rested"] = store.resident_bytes()
    found["disk"], found["apparent"] = store.disk_bytes()
    revision = store.revision()
    ranges = ("ranges", "--keys", keys, "--value-bytes", VALUE_BYTES, "--write-rate", WRITES_PER_SECOND,
              "--seconds", options.seconds * 2)
    found["new"] = store.load(*ranges)
    found["old"] = store.load(*ranges, "--revision", revision)
    for _ in range(VERSIONS - 1):
        store.load("put", "--keys", keys, "--calls", keys // 100, "--keys-per-call", 100,
                   "--value-bytes", VALUE_BYTES, "--connections", 4, "--streams", 2)
    store.load("put", "--keys", keys, "--random", "--value-bytes", VALUE_BYTES,
               "--calls", PUTS_BEFORE_KILL * keys // KEYS, *CONNECTIONS)
    found["restarts"] = [_restart(store, keys) for _ in range(1 if options.quick else RESTARTS)]
    return found


def _measure_core(keys):
    """What ranges take in a store without a server."""
    line = [programs.store_bench(), "core-ranges", "--keys", keys, "--value-bytes", VALUE_BYTES]
    return stores.parse(subprocess.run(
        [str(part) for part in line], stdout=subprocess.PIPE, text=True, timeout=600, check=True).stdout)


def _restart(store, keys):
    """Seconds from the start of a process until it has answered a put, after the one before was killed under load."""
    writer = store.begin(
        "put", "--keys", keys, "--random", "--value-bytes", VALUE_BYTES, "--seconds", 60, *CONNECTIONS)
    time.sleep(LOAD_SECONDS)
    store.kill()
    writer.kill()
    writer.communicate()
    return store.start()


def _mebibytes(count):
    return f"{count / MEBIBYTE:,.0f}"


def _show_space(claims, found, keys):
    print()
    table = report.Table(f"{keys:,} keys of 32 B, {VALUE_BYTES} B values", "", "puts/s", "RSS MiB", "rested MiB",
                         "disk MiB", "apparent MiB")
    for each in found.values():
        table.row(each["name"], "", f"{each['fill']:,.0f}", _mebibytes(each["filled"]), _mebibytes(each["rested"]),
                  _mebibytes(each["disk"]), _mebibytes(each["apparent"]))
    text = f"scale: {keys:,} keys"
    if "etcd" not in found:
        claims.not_shown(f"{text}: memory and disk", "etcd 3.5.1")
        return
    ours, theirs = found["martlet"], found["etcd"]
    for what, name, limit in (("memory at rest", "rested", 0.5), ("disk", "disk", 1)):
        ratio = ours[name] / theirs[name]
        holds = claims.at_most(f"{text}: {what} against etcd's", ratio, limit, "times")
        claims.summarize(f"{keys:,} keys of 32 B, {VALUE_BYTES} B values: {what}", f"≤ {limit} times",
                         f"{ratio:.2f}", holds)


def _show_ranges(claims, found, core, keys):
    print()
    table = report.Table(f"random prefixes of {keys:,} keys", "", "p50 us", "p99 us", "own p50", "own p99", "calls")
    for each in found.values():
        for when in ("new", "old"):
            for kind in ("missing", "count", "limit"):
                _range_row(table, each, when, kind)
    for kind in ("count", "limit"):
        name = {"count": "count", "limit": "limit 10"}[kind]
        table.row(f"Martlet's store alone, {name}, new", "", "", "", f"{core[f'{kind}-p50']:,.1f}",
                  f"{core[f'{kind}-p99']:,.1f}", "")
    print(f"One call at a time, while {WRITES_PER_SECOND:,} puts a second run. Own: its time in the server. Each")
    print("prefix is asked for five times on end, and the fastest answer waited least for disk and cores; what it took")
    print("more than the fastest of five ranges of a missing key just before is its own, the disturbance of both")
    print("included. The store alone: the same ranges timed in one process, around what the server's loop calls, with")
    print("ten puts in front of each two. p50, p99: of all prefixes.")
    for kind in ("count", "limit"):
        text = f"scale: {kind} of random prefixes of {keys:,} keys"
        own = core[f"{kind}-p99"]
        holds = claims.at_most(f"{text}, newest revision: p99 in the store", own, 50, "us")
        work = f"{kind} of random prefixes of {keys:,} keys"
        goal = "p99 ≤ 50 µs in the server; at old revisions ≤ 1 times"
        claims.summarize(work, goal, f"{own:.1f} µs", holds)
        if "etcd" not in found:
            claims.not_shown(f"{text}, old revision", "etcd 3.5.1")
            continue
        ours, theirs = found["martlet"]["old"], found["etcd"]["old"]
        ratio = ours[f"{kind}-p99"] / theirs[f"{kind}-p99"]
        holds = claims.at_most(f"{text}, old revision: p99 against etcd's", ratio, 1, "times")
        claims.summarize(work, goal, f"old: {ratio:.2f}", holds)


def _own(ranges, kind, part):
    return ranges[f"{kind}-own-{part}"]


def _range_row(table, each, when, kind):
    ranges = each[when]
    name = {"missing": "missing key", "count": "count", "limit": "limit 10"}[kind]
    own = ["", ""] if kind == "missing" else [f"{_own(ranges, kind, part):,.0f}" for part in ("p50", "p99")]
    table.row(f"{each['name']}, {name}, {when}", "", f"{ranges[f'{kind}-p50']:,.0f}", f"{ranges[f'{kind}-p99']:,.0f}",
              *own, f"{ranges[f'{kind}-count']:,.0f}")


def _show_restarts(claims, found, keys):
    print()
    table = report.Table(f"restart, {keys:,} keys x {VERSIONS} versions", "", "seconds", "", "of")
    medians = {key: statistics.median(each["restarts"]) for key, each in found.items()}
    for key, each in found.items():
        table.row(each["name"], "", f"{medians[key]:.2f}", "", ", ".join(f"{took:.2f}" for took in each["restarts"]))
    print("From the start of the process to its first answered put, after a SIGKILL while puts ran.")
    text = f"scale: restart after SIGKILL with {keys:,} keys x {VERSIONS} versions, against etcd's"
    if "etcd" not in found:
        claims.not_shown(text, "etcd 3.5.1")
        return
    ratio = medians["martlet"] / medians["etcd"]
    claims.summarize(f"restart after SIGKILL, {keys:,} keys x {VERSIONS} versions: time", "≤ 1/3", f"{ratio:.2f}",
                     claims.at_most(text, ratio, 1 / 3, "times"))


def overwrite(claims, options):
    overwrites = OVERWRITES // 50 if options.quick else OVERWRITES
    print()
    table = report.Table(f"{overwrites:,} overwrites, compacted", "", "puts/s", "", "first MiB", "last MiB",
                         "first disk", "last disk")
    for key, make in stores.both().items():
        with make() as store:
            samples, rates = [], []
            for step in range(STEPS):
                found = store.load(
                    "put", "--keys", OVERWRITTEN_KEYS, "--random", "--seed", step + 1,
                    "--calls", overwrites // STEPS, *CONNECTIONS)
                store.compact()
                rates.append(found["rate"])
                samples.append((store.resident_bytes(), store.disk_bytes()[0]))
            # Not the very first, which finds logs and tables empty.
            early, late = samples[1:4], samples[-3:]
            memory, disk = ([statistics.median(sample[place] for sample in part) for part in (early, late)]
                            for place in (0, 1))
            table.row(store.name, "", f"{statistics.median(rates):,.0f}", "", *map(_mebibytes, memory + disk))
            if key == "martlet":
                for what, (first, last) in (("memory", memory), ("disk", disk)):
                    work = f"{overwrites:,} overwrites of {OVERWRITTEN_KEYS:,} keys"
                    holds = claims.at_most(
                        f"scale: {what} after {work}, against after a third", last / first, FLAT, "times")
                    claims.summarize(f"{work}, compacted", "memory and disk flat", f"{what}: {last / first:.2f}", holds)
    print(f"First: the median after steps 2 to 4 of {STEPS}; last: after the last three. Compacted after each step.")
