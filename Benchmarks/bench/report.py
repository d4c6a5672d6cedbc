# SPDX-License-Identifier: Apache-2.0
"""Medians, the table, and the claims that it must show."""

import os
import platform
import statistics

from .load import Measure

# Measured on one machine beside each other: go-micro 1.18's Greeter.Hello, and etcd 3.5.1's linearizable Range.
GO_MICRO_PROTOBUF = 74_000
GO_MICRO_JSON = 50_000
GO_MICRO_BESIDE_RANGE = 62_000


def median(measures):
    return Measure(
        statistics.median(measure.rate for measure in measures),
        statistics.median(measure.microseconds for measure in measures))


def medians(found):
    """Of dictionaries with the same names, name by name."""
    return {name: statistics.median(each[name] for each in found) for name in found[0]}


def print_machine():
    """What the figures are from."""
    model = "unknown processor"
    try:
        with open("/proc/cpuinfo") as file:
            model = next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    print(
        f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB, {platform.system()} {platform.release()},"
        f" load {os.getloadavg()[0]:.1f} before\n")


class Table:
    """Rows of text, printed as they come."""

    WIDTHS = (32, 6, 9, 11)

    def __init__(self, *titles, first_width=WIDTHS[0]):
        self.widths = (first_width, *self.WIDTHS[1:]) + (13,) * (len(titles) - len(self.WIDTHS))
        self.row(*titles)
        print("-" * (sum(self.widths) + 2 * (len(self.widths) - 1)))

    def row(self, *cells):
        padded = [cells[0].ljust(self.widths[0])]
        padded += [cell.rjust(width) for cell, width in zip(cells[1:], self.widths[1:])]
        print("  ".join(padded).rstrip(), flush=True)


def ratios(measure, other):
    """How many times the other's rate, and how many times less processor time than it."""
    if other is None:
        return "-"
    spent = f"{other.microseconds / measure.microseconds:.2f}" if measure.microseconds else "?"
    return f"{measure.rate / other.rate:.2f} / {spent}"


class Claims:
    """What must be shown, and whether it was."""

    def __init__(self):
        self.lines = []
        self.failed = 0
        # By work: its goal, and what was measured.
        self.summary = {}

    def at_least(self, text, value, limit):
        """Returns whether it is so."""
        return self._add(value >= limit, f"{text}: {value:.2f}, must be at least {limit:.2f}")

    def at_most(self, text, value, limit, unit):
        return self._add(value <= limit, f"{text}: {value:.2f} {unit}, must be at most {limit:.2f}")

    def not_shown(self, text, reason):
        self.failed += 1
        self.lines.append(f"NOT SHOWN   {text}: there is no {reason}")

    def summarize(self, work, goal, measured, holds):
        """Puts a figure into the row of `work` in the table that the README shows."""
        self.summary.setdefault(work, (goal, []))[1].append(measured if holds else f"{measured} (short)")

    def print_summary(self):
        print("\n| work | goal | measured |\n|---|---|---|")
        for work, (goal, measured) in self.summary.items():
            print(f"| {work} | {goal} | {'; '.join(measured)} |")

    def _add(self, holds, text):
        self.failed += 0 if holds else 1
        self.lines.append(("holds       " if holds else "DOES NOT    ") + text)
        return holds

    def print(self):
        print("\nMust show")
        for line in self.lines:
            print("  " + line)
