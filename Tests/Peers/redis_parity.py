#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs one random scenario against two servers of Redis's protocol and prints every reply that differs.

usage: redis_parity.py [--seed N] [--commands N] PORT PORT

The first is Redis 7.0. Several clients of either protocol take turns, in transactions and out of them, while others
wait for entries. Commands and options are those that both releases have. Replies are compared as they are, but for what
two runs of one server differ in, moments and idle times, and for what stands in redis_excuses.py by name: it is
counted. A group's lag is held against the entries that it counts. The exit status is 1 where anything differs. Needs
Python 3 alone.
"""

import argparse
import sys
import time

from redis_connection import Connection
from redis_excuses import ABSENT, GROUPS, MOVED, TRIMMED, Comparison, pairs
from redis_scenario import KEYS, Scenario

DIFFERENCES_MAX = 20
# For as long as a slow machine may take.
PATIENCE = 60
GROUP_CHANGES = ("XSETID", "XGROUP", "XREADGROUP", "XACK", "XCLAIM", "XAUTOCLAIM")


class Client:
    """One connection to each server; it asks both the same."""

    def __init__(self, name, ports):
        self.name = name
        self.both = [Connection(port) for port in ports]
        self.numbers = [self.ask(connection, "CLIENT", "ID") for connection in self.both]
        # The commands of its transaction; nil out of one.
        self.queue = None
        # What it waits for.
        self.waits = None
        # Keys that it watches, and why the second may find them changed where the first doesn't.
        self.watched, self.stirred = set(), None

    def ask(self, connection, *words):
        return connection.call(*words)[1]

    def call(self, *words):
        return [connection.call(*words) for connection in self.both]


class Run:
    def __init__(self, ports, seed):
        self.scenario = Scenario(seed)
        self.draw = self.scenario.random
        self.overseer = Client("o", ports)
        self.clients = [Client(name, ports) for name in "abc"]
        self.waiters = [Client(name, ports) for name in "vwx"]
        self.clients[1].call("HELLO", 3)
        self.waiters[1].call("HELLO", 3)
        self.excuses, self.errors, self.differences, self.number = {}, 0, 0, 0
        # Whether a group was set to an ID while somebody waited.
        self.has_moved = False
        self.overseer.call("FLUSHALL")
        self.overseer.call("CONFIG", "SET", "stream-node-max-entries", 5)
        # Their encodings of entries are of different sizes.
        self.overseer.call("CONFIG", "SET", "stream-node-max-bytes", 0)

    def step(self, number):
        self.number = number
        waiting = [client for client in self.waiters if client.waits]
        if len(waiting) < len(self.waiters) and self.draw.random() < 0.06:
            client = next(client for client in self.waiters if not client.waits)
            self.start(client, self.scenario.waiting())
        elif waiting and self.draw.random() < 0.04:
            self.end(self.draw.choice(waiting))
        else:
            client = self.draw.choice(self.clients)
            self.run(client, self.scenario.next(client.queue is not None))
        self.collect()

    # Commands

    def run(self, client, command):
        if command[0] == "SCAN":
            replies = [self.scan(connection, command[1:]) for connection in client.both]
        else:
            replies = client.call(*command)
        self.errors += replies[0][0] == "-"
        queue, stirred = client.queue, client.stirred
        if replies[0] == ("+", "QUEUED"):
            queue.append(command)
        else:
            self.stir(command)
        if command[0] == "MULTI" and queue is None:
            client.queue = []
        if command[0] == "WATCH" and queue is None:
            client.watched.update(command[1:])
            if self.overseer.both[0].call("EXISTS", *command[1:]) != (":", str(len(command) - 1)):
                client.stirred = ABSENT
        if command[0] in ("EXEC", "DISCARD") and queue is not None or command[0] == "UNWATCH" and queue is None:
            client.queue, client.watched, client.stirred = None, set(), None
        if command[0] == "EXEC" and queue is not None and replies[0][0] == "*":
            for inner in queue:
                self.stir(inner)
            if replies[1][0] == "*" and len(replies[1][1]) == len(replies[0][1]) == len(queue):
                for index, inner in enumerate(queue):
                    self.compare(client, inner, *(reply[1][index] for reply in replies), is_last=False)
                return
            if stirred and replies[1] in (("null", "*"), ("_", "")):
                self.excuse(stirred)
                return self.begin_again()
        self.compare(client, command, *replies)

    def stir(self, command):
        """Takes note of what may have changed a group."""
        self.has_moved |= command[:2] == ["XGROUP", "SETID"]
        if command[0] in GROUP_CHANGES:
            for client in self.clients:
                if not client.watched.isdisjoint(command):
                    client.stirred = client.stirred or GROUPS

    def excuse(self, reason):
        self.excuses[reason] = self.excuses.get(reason, 0) + 1

    def begin_again(self):
        """The two have different states: both forget theirs, and nobody waits."""
        self.overseer.call("FLUSHALL")
        for client in self.waiters:
            if client.waits:
                client.waits = None
                for index, number in enumerate(client.numbers):
                    self.overseer.both[index].call("CLIENT", "UNBLOCK", number)
                    client.both[index].reply()
        # What the one had and the other hadn't is gone, which they find.
        for client in self.clients:
            client.stirred = client.watched and ABSENT

    def scan(self, connection, options):
        """All that a scan finds: its parts and their order are the server's."""
        found, cursor = set(), "0"
        while True:
            reply = connection.call("SCAN", cursor, *options)
            if reply[0] == "-" or reply == ("+", "QUEUED"):
                return reply
            cursor = reply[1][0][1]
            found.update(text for _, text in reply[1][1][1])
            if cursor == "0":
                return ("*", sorted(found))

    def compare(self, client, command, first, second, is_last=True):
        comparison = Comparison(command, first, second)
        if is_last and command[0] == "XINFO":
            self.check_lags(command[2], comparison)
        for reason in comparison.reasons:
            self.excuse(reason)
        if comparison.has_forked:
            # From here on the two would have different states.
            for key in {word for word in command if word in KEYS}:
                self.overseer.call("DEL", key)
        if comparison.difference:
            self.differ(client, command, comparison.difference, first, second)

    def differ(self, client, command, what, first, second):
        self.differences += 1
        text = " ".join(word if isinstance(word, str) else repr(word) for word in command)
        print("%d %s> %s: %s\n  %s\n  %s" % (self.number, client.name, text, what, first, second))

    def check_lags(self, key, comparison):
        for name, last, lag in comparison.lags:
            after = self.overseer.both[1].call("XRANGE", key, "(" + last, "+")
            count = len(after[1]) if after[0] == "*" else 0
            comparison.expect(lag == str(count), "lag %s of %s, which has %d before it" % (lag, name, count))

    # Those who wait

    def start(self, client, command):
        """Goes on when both servers have answered it or have it among those who wait."""
        client.waits = command
        for connection in client.both:
            connection.send(*command)
        for index, connection in enumerate(client.both):
            while not connection.has_reply(0.0005):
                if self.blocked(index) == self.count():
                    break

    def end(self, client):
        """Both end the wait of theirs."""
        kind = self.draw.choice([[], ["TIMEOUT"], ["ERROR"]])
        replies = [connection.call("CLIENT", "UNBLOCK", number, *kind)
                   for connection, number in zip(self.overseer.both, client.numbers)]
        if replies[0] != replies[1]:
            self.differ(client, ["CLIENT", "UNBLOCK"] + kind, "replies", *replies)

    def count(self):
        return sum(client.waits is not None for client in self.waiters)

    def blocked(self, index):
        text = self.overseer.both[index].call("INFO", "clients")[1]
        return int(next(line for line in text.split("\r\n") if line.startswith("blocked_clients:"))[16:])

    def collect(self):
        """Takes the answers of those who wait no more: the same ones of both servers."""
        waiting = [client for client in self.waiters if client.waits]
        if not waiting:
            self.has_moved = False
            return
        # The first serves them before it answers anybody; the second may a moment later.
        count = len(waiting) - self.blocked(0)
        for patience in range(PATIENCE * 100):
            if len(waiting) - self.blocked(1) == count:
                break
            time.sleep(0.01)
        answered = []
        for index in (0, 1):
            for patience in range(PATIENCE * 10):
                found = [client for client in waiting if client.both[index].has_reply(0.1 if patience else 0)]
                if len(found) >= len(waiting) - self.blocked(index):
                    break
            answered.append(found)
        for client in waiting:
            told = [client in found for found in answered]
            if told == [False, False]:
                continue
            command = client.waits
            self.stir(command)
            if told == [True, True]:
                client.waits = None
                self.compare(client, command, *(connection.reply() for connection in client.both))
                continue
            if told == [False, True] and self.has_moved and command[0] == "XREADGROUP":
                self.excuse(MOVED)
                return self.begin_again()
            client.waits = None
            replies = [connection.reply() if is_told else "waits"
                       for connection, is_told in zip(client.both, told)]
            if is_empty(replies[0]):
                self.excuse(TRIMMED)
            else:
                self.differ(client, command, "only one has answered", *replies)
            # The other is told to end, so that both have the same clients again.
            index = told.index(False)
            self.overseer.both[index].call("CLIENT", "UNBLOCK", client.numbers[index])
            client.both[index].reply()


def is_empty(reply):
    """Whether a reader of streams was told that nothing has come."""
    return reply[0] in "*%" and all(entries == ("*", []) for stream in pairs(reply) for entries in stream[1:])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--commands", type=int, default=20000)
    parser.add_argument("ports", type=int, nargs=2)
    arguments = parser.parse_args()
    run = Run(arguments.ports, arguments.seed)
    for number in range(arguments.commands):
        run.step(number)
        if run.differences >= DIFFERENCES_MAX:
            break
    print("seed %d: %d commands, %d errors in both, %d differences" % (
        arguments.seed, run.number + 1, run.errors, run.differences))
    for reason, count in sorted(run.excuses.items()):
        print("  excused %d: %s" % (count, reason))
    sys.exit(1 if run.differences else 0)


if __name__ == "__main__":
    main()
