# SPDX-License-Identifier: Apache-2.0
"""Watchers of the store beside etcd 3.5.1's: of a prefix that is read and written, and ten thousand of one key."""

import contextlib

from . import load, report, store, stores

KEYS = 10_000
WATCHERS = 100
MANY_WATCHERS = 10_000
CONNECTIONS, STREAMS = 10, 10
# Of etcd's rate: what both are given when it is latencies that are compared.
PACED_PART = 0.5


def measure(claims, options):
    print()
    with contextlib.ExitStack() as stack:
        found = {key: stack.enter_context(make()) for key, make in stores.both().items()}
        for each in found.values():
            each.load("put", "--keys", KEYS, "--calls", KEYS // 100, "--keys-per-call", 100, "--connections", 4)
        _measure_mixed(claims, options, found)
        _measure_many(claims, options, found)


def _mixed(each, options, *more):
    return each.load(
        "mixed", "--keys", KEYS, "--watchers", WATCHERS, "--connections", CONNECTIONS, "--streams", STREAMS,
        "--seconds", options.seconds, *more)


def _measure_mixed(claims, options, found):
    title = f"watch, 80/20 with {WATCHERS} watchers"
    table = report.Table(title, "c x m", "ops/s", "cpu us/op", "x etcd", "events/s", "p50 us", "p99 us")
    medians = store.in_turn(found, options.rounds, lambda each: _mixed(each, options))
    measures = {key: load.Measure(each["rate"], each["cpu"]) for key, each in medians.items()}
    for key, each in medians.items():
        ratio = "1" if key == "etcd" else report.ratios(measures[key], measures.get("etcd"))
        table.row(found[key].name, f"{CONNECTIONS}x{STREAMS}", f"{each['rate']:,.0f}", f"{each['cpu']:.2f}", ratio,
                  *_deliveries(each))
    text = f"watch: mixed 80/20 with {WATCHERS} watchers on the prefix"
    if "etcd" not in found:
        claims.not_shown(text, "etcd 3.5.1")
        return
    holds = claims.at_least(f"{text}: rate", medians["martlet"]["rate"] / medians["etcd"]["rate"], 3)
    work, goal = f"mixed 80/20, {WATCHERS} watchers of the prefix", "rate ≥ 3 times, delivery p99 ≤ 1 times"
    claims.summarize(work, goal, report.ratios(measures["martlet"], measures["etcd"]), holds)
    # As fast as each can they do different work; events are late by as much as a server has to do.
    rate = int(medians["etcd"]["rate"] * PACED_PART)
    paced = store.in_turn(found, options.rounds, lambda each: _mixed(each, options, "--rate", rate))
    for key, each in paced.items():
        table.row(f"{found[key].name}, at {rate:,} ops/s", f"{CONNECTIONS}x{STREAMS}", f"{each['rate']:,.0f}",
                  f"{each['cpu']:.2f}", "", *_deliveries(each))
    late = paced["martlet"]["delivery-p99"] / paced["etcd"]["delivery-p99"]
    holds = claims.at_most(f"{text}, both at {rate:,} ops/s: delivery p99 against etcd's", late, 1, "times")
    claims.summarize(work, goal, f"p99, both at half of etcd's rate: {late:.2f}", holds)
    print("Microseconds: from before a put is sent until its event is there.")


def _deliveries(each):
    return f"{each['deliveries']:,.0f}", f"{each['delivery-p50']:,.0f}", f"{each['delivery-p99']:,.0f}"


def _measure_many(claims, options, found):
    print()
    title = f"watch, {MANY_WATCHERS:,} of one key"
    table = report.Table(title, "", "events/s", "cpu us/ev.", "x etcd", "p50 us", "p99 us", "last, p50 us")
    medians = store.in_turn(
        found, options.rounds,
        lambda each: each.load("watchers", "--watchers", MANY_WATCHERS, "--seconds", options.seconds))
    measures = {key: load.Measure(each["rate"], each["cpu"]) for key, each in medians.items()}
    for key, each in medians.items():
        ratio = "1" if key == "etcd" else report.ratios(measures[key], measures.get("etcd"))
        table.row(found[key].name, "", f"{each['rate']:,.0f}", f"{each['cpu']:.2f}", ratio,
                  f"{each['p50']:,.0f}", f"{each['p99']:,.0f}", f"{each['last-p50']:,.0f}")
    text = f"watch: {MANY_WATCHERS:,} watchers, one event"
    if "etcd" not in found:
        claims.not_shown(text, "etcd 3.5.1")
        return
    ours, theirs = medians["martlet"], medians["etcd"]
    work, goal = f"{MANY_WATCHERS:,} watchers, one event", "deliveries ≥ 3 times, p99 ≤ 1 times"
    holds = claims.at_least(f"{text}: deliveries a second", ours["rate"] / theirs["rate"], 3)
    claims.summarize(work, goal, report.ratios(measures["martlet"], measures["etcd"]), holds)
    late = ours["p99"] / theirs["p99"]
    holds = claims.at_most(f"{text}: delivery p99 against etcd's", late, 1, "times")
    claims.summarize(work, goal, f"p99: {late:.2f}", holds)
