# SPDX-License-Identifier: Apache-2.0
"""Calls a second from one process over one connection: the bare wire client, and the framework's on top of it."""

import re
import subprocess

from . import programs
from .load import Measure

TASKS = 100
PATH = "/bench.greeter.Greeter/Hello"
# HelloRequest { name: "John" }
HELLO = b"\x0a\x04John"


class Caller:
    def __init__(self, name, command, server, arguments=()):
        self.name = name
        self.command = command
        self.server = server
        self.arguments = arguments
        self.calls_per_second = 0.0

    def run(self, calls):
        """The rate, and the *client's* processor time of each call."""
        command = self.line(calls)
        text = subprocess.run(
            [str(part) for part in command], check=True, capture_output=True, text=True, timeout=120).stdout
        found = re.search(r"calls/s (\d+) cpu-us/call ([\d.]+)", text)
        if not found:
            raise RuntimeError(f"{self.name} says\n{text}")
        return Measure(float(found.group(1)), float(found.group(2)))

    def line(self, calls):
        return [self.command, "client", self.server.port, TASKS, calls, *self.arguments]

    def warm_up(self, calls=20_000):
        self.calls_per_second = self.run(calls).rate

    def measure(self, seconds):
        return self.run(max(1_000, int(self.calls_per_second * seconds)))


def callers(server):
    """Both callers make the same call of the same server."""
    return (
        Caller("bare wire client", programs.wire_bench(), server, (PATH, HELLO.hex())),
        Caller("MicroClient", programs.peer("GreeterBench"), server))
