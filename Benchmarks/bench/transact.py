# SPDX-License-Identifier: Apache-2.0
"""A put and an append in one transaction, beside the put alone: the same client, the same server, in turn."""

import contextlib

from . import embedded, report, stores

CALLERS = 50
# What a transaction may cost beside the put that it holds.
SHARE = 0.8


def measure(claims, options):
    print()
    table = report.Table("martlet server, one transaction", "callers", "ops/s", "client us/op", "p50 us", "p99 us")
    kinds = {"put": "Put 64 B", "transact": "Put 64 B and XADD 64 B in one"}
    found = {kind: [] for kind in kinds}
    with contextlib.ExitStack() as stack:
        place = embedded.server(stack, stack.enter_context(stores.folder()))
        for _ in range(options.rounds):
            for kind in kinds:
                found[kind].append(embedded.run(
                    "writes", "--store", place, "--kind", kind, "--callers", CALLERS, "--seconds", options.seconds))
    medians = {kind: report.medians(each) for kind, each in found.items()}
    for kind, each in medians.items():
        table.row(
            kinds[kind], f"{CALLERS}", f"{each['rate']:,.0f}", f"{each['cpu']:.1f}", f"{each['p50']:,.0f}",
            f"{each['p99']:,.0f}")
    ratio = medians["transact"]["rate"] / medians["put"]["rate"]
    text = f"a put and an append in one transaction against the put alone, {CALLERS} callers"
    holds = claims.at_least(text, ratio, SHARE)
    claims.summarize(
        "Put and XADD in one transaction", f"rate ≥ {SHARE} times the put's", f"{CALLERS} callers: {ratio:.2f}", holds)
