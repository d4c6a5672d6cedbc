# SPDX-License-Identifier: Apache-2.0
"""The key-value store beside etcd 3.5.1: puts, ranges and transactions, in plain text and over TLS."""

import argparse
import base64
import contextlib
import tempfile

from . import load, report, stores

LOADS = ((10, 10), (50, 20))
VALUE = bytes(range(64))
PUT, RANGE = "/etcdserverpb.KV/Put", "/etcdserverpb.KV/Range"
KEYS = 100_000
# Of 100,000 keys, so many begin with six letters and two of a group's digits.
PREFIX, PREFIX_END, PREFIX_KEYS = b"bench/42", b"bench/43", 1_000
# An answer's header has the revision, which takes a byte more each time it has grown 128-fold.
GROWING_BYTES = 4
# Of the column that names store and call.
WIDTH = 46
TITLES = ("c x m", "ops/s", "cpu us/op", "x etcd")
# Shorter rounds than the wire's, whose echoes differ by less: here are more rows.
ROUND_PART = 0.6


def _field(number, content):
    return bytes([number << 3 | 2, len(content)]) + content


def put_request(key):
    return _field(1, key) + _field(2, VALUE)


def range_request(key, end=b"", serializable=False):
    return _field(1, key) + (_field(2, end) if end else b"") + (b"\x38\x01" if serializable else b"")


# What h2load asks: key, name, path, request, what the answer holds, and the least ratios of rate and processor time;
# and the least ratio of rate over TLS.
CALLS = (
    ("put", "Put 64 B, one key", PUT, put_request(b"put"), b"", 3, 4, 2),
    ("range", "Range, one key", RANGE, range_request(b"read"), VALUE, 3, 4, 2),
    ("serializable", "Range, one key, serializable", RANGE, range_request(b"read", serializable=True), VALUE, 3, 4, 2),
    ("many", f"Range, {PREFIX_KEYS:,} keys", RANGE, range_request(PREFIX, PREFIX_END), PREFIX, 3, None, None),
)


def measure(claims, options):
    makers = stores.both()
    options = argparse.Namespace(**vars(options))
    options.seconds *= ROUND_PART
    print()
    table = report.Table("store, calls by h2load", *TITLES, first_width=WIDTH)
    with contextlib.ExitStack() as stack:
        found = {key: stack.enter_context(make()) for key, make in makers.items()}
        for each in found.values():
            _fill(each)
        _measure_calls(table, claims, options, found, secure=False)
        print()
        table = report.Table("store, calls with varying keys", *TITLES, first_width=WIDTH)
        for connections, streams in LOADS:
            _measure_loads(table, claims, options, found, connections, streams)
        _measure_latency(claims, options, found)
    with contextlib.ExitStack() as stack:
        certificates = stack.enter_context(tempfile.TemporaryDirectory(prefix="martlet-bench-"))
        stores.make_certificates(certificates)
        found = {key: stack.enter_context(make(certificates)) for key, make in makers.items()}
        for each in found.values():
            each.call("kv/put", json_put(b"read"))
        print()
        table = report.Table("store, calls by h2load over TLS", *TITLES, first_width=WIDTH)
        _measure_calls(table, claims, options, found, secure=True)
    print("Ratios: of rate / of server processor time an operation; more is better for Martlet.")


def json_put(key):
    return {"key": base64.b64encode(key).decode(), "value": base64.b64encode(VALUE).decode()}


def _fill(store):
    store.call("kv/put", json_put(b"read"))
    store.load("put", "--keys", KEYS, "--calls", KEYS // 100, "--keys-per-call", 100, "--connections", 4)


def _measure_calls(table, claims, options, found, secure):
    for connections, streams in LOADS:
        at = f"{connections}x{streams}"
        for key, name, path, request, expected, rate, spent, secure_rate in CALLS:
            if secure and secure_rate is None:
                continue
            subjects = {
                store_key: load.Subject(
                    f"{store.name}, {name}", store, path, request, expected, growing_bytes=GROWING_BYTES)
                for store_key, store in found.items()}
            measures = load.measure_in_turn(subjects, connections, streams, options.rounds, options.seconds)
            medians = {store_key: report.median(each) for store_key, each in measures.items()}
            show(table, claims, found, name + (", TLS" if secure else ""), at, medians,
                 secure_rate if secure else rate, None if secure else spent)


def _measure_loads(table, claims, options, found, connections, streams):
    rows = (
        ("Put 64 B, 100,000 keys", ("put", "--keys", KEYS, "--random"), 3, 4),
        ("Txn, compare and swap", ("swap", "--keys", KEYS // 10), 3, None),
    )
    for name, command, rate, spent in rows:
        arguments = ("--connections", connections, "--streams", streams, "--seconds", options.seconds)
        medians = in_turn(found, options.rounds, lambda store: store.load(*command, *arguments))
        show(table, claims, found, name, f"{connections}x{streams}",
             {key: load.Measure(each["rate"], each["cpu"]) for key, each in medians.items()}, rate, spent)


def _measure_latency(claims, options, found):
    print()
    table = report.Table("store, Put 64 B by one client", "", "p50 us", "p99 us")
    arguments = ("--seconds", options.seconds, "--keys", KEYS, "--random")
    medians = in_turn(found, options.rounds, lambda store: store.load("put", *arguments))
    for key, each in medians.items():
        table.row(found[key].name, "", f"{each['p50']:,.0f}", f"{each['p99']:,.0f}")
    for name in ("p50", "p99"):
        text = f"store: Put by one client, {name} against etcd's"
        if "etcd" not in medians:
            claims.not_shown(text, "etcd 3.5.1")
            continue
        ratio = medians["martlet"][name] / medians["etcd"][name]
        claims.summarize(
            "Put by one client: time", "≤ 1 times", f"{name}: {ratio:.2f}", claims.at_most(text, ratio, 1, "times"))


def in_turn(found, rounds, measure_one):
    """Medians by store of what `measure_one` returns for each; the stores take turns."""
    results = {key: [] for key in found}
    for _ in range(rounds):
        for key, store in found.items():
            results[key].append(measure_one(store))
    return {key: report.medians(each) for key, each in results.items()}


def show(table, claims, found, name, at, medians, rate, spent):
    """A row for each store, and what the two must show; `spent` is the least ratio of processor time, or none."""
    ours, theirs = medians["martlet"], medians.get("etcd")
    for key, each in medians.items():
        ratio = "1" if each is theirs else report.ratios(each, theirs)
        table.row(f"{found[key].name}, {name}", at, f"{each.rate:,.0f}", f"{each.microseconds:.2f}", ratio)
    text = f"store: {name}, {at}"
    if theirs is None:
        claims.not_shown(text, "etcd 3.5.1")
        return
    holds = claims.at_least(f"{text}: rate", ours.rate / theirs.rate, rate)
    goal = f"rate ≥ {rate} times"
    if spent:
        goal += f", CPU ≤ 1/{spent}"
        holds &= claims.at_least(f"{text}: processor time", theirs.microseconds / ours.microseconds, spent)
    claims.summarize(name, goal, f"{at}: {report.ratios(ours, theirs)}", holds)
