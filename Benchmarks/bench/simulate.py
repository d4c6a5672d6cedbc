# SPDX-License-Identifier: Apache-2.0
"""How many simulated clusters a core runs in an hour, of those that count: with 5,000 events, a crash and a change of
the leader. The seeds are always the same, so that runs of the same source do the same work."""

import re
import subprocess

from . import programs, report

# Members, and how many such seeds an hour one core must run; nothing is asked of five.
SIZES = ((3, 40_000), (5, None))
FIRST_SEED = 1_000_000
# A seed takes a tenth of a second or two: hundreds in this time.
SECONDS, QUICK_SECONDS = 30, 3
LINE = re.compile(r"(\d+) runs, (\d+) an hour, (\d+) of them with")


def measure(claims, options):
    print()
    table = report.Table("simulation, one core", "", "runs", "an hour", "that count", "an hour")
    for members, goal in SIZES:
        runs, rate, long = _run(members, QUICK_SECONDS if options.quick else SECONDS)
        counted = rate * long / max(runs, 1)
        table.row(f"{members} members", "", f"{runs:,}", f"{rate:,}", f"{long:,}", f"{counted:,.0f}")
        if goal is None:
            claims.summarize("Simulated clusters an hour, one core", "", f"{members} members: {counted:,.0f}", True)
            continue
        holds = claims.at_least(f"simulation, {members} members: seeds an hour", counted, goal)
        claims.summarize(
            "Simulated clusters an hour, one core", f"{members} members ≥ {goal:,}", f"{counted:,.0f}", holds)


def _run(members, seconds):
    """Runs, runs an hour, and how many of them count."""
    command = [
        str(programs.simulate()), "--members", str(members), "--first", str(FIRST_SEED), "--seconds", str(seconds)]
    # The last seed is let run to its end.
    found = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=seconds + 600, check=True)
    line = LINE.search(found.stdout)
    if not line:
        raise RuntimeError(f"the simulator says something else now: {found.stdout[-200:]}")
    return tuple(int(number) for number in line.groups())
