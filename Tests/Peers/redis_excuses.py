# SPDX-License-Identifier: Apache-2.0
"""What replies of Redis 7.0 and of a server that answers as 8.8 may differ in, by name. Needs Python 3 alone."""

from redis_scenario import LONG_IDLE

# Names of what one version alone explains.
CONSUMERS = "7.2 makes consumers with reads and claims that bring nothing"
LAG = "lag is exact, where 7.0 guesses or doesn't know"
READ = "entries-read is derived by the rules of 8.0"
LAST_ID = "7.2 refuses last IDs below the last deleted one"
CLEANED = "blocks without their deleted entries end earlier, so that MINID ~ takes them earlier"
UNBLOCKED = "7.2 tells waiters by the error of the command"
ALL_STREAMS = "7.2 tells waiters of all their streams"
GROUPS = "WATCH sees what changes in groups and last IDs, too"
ABSENT = "WATCH of a key that isn't there sees all keys that go"
TRIMMED = "7.0 tells those who read of entries that went as they came"
MOVED = "groups that were set back are looked at when an XADD fails, too"
EMPTY = "7.0 keeps blocks that hold deleted entries alone"
UNBALANCED = "the text is newer"
ENCODING = "encodings are told as those of newer releases"
SHARED = "small numbers are shared there"
TAIL = "8.8 leaves out an empty tail"
ORDER = "sets have no order"


def pairs(reply):
    """What XREAD tells: streams' names and entries."""
    if reply[0] == "*":
        return [tuple(stream[1]) for stream in reply[1]]
    return list(zip(reply[1][::2], reply[1][1::2]))


def record(value):
    """A map, which RESP2 has as a flat list."""
    flat = value[1]
    return {flat[index][1]: flat[index + 1] for index in range(0, len(flat), 2)}


def moment(value):
    """Moments of this run are hidden, others are the same."""
    return "now" if int(value[1]) >= LONG_IDLE else value[1]


def idle(value):
    return "long" if int(value[1]) >= LONG_IDLE else "short"


class Comparison:
    """Two replies to one command; `reasons` are why they may differ, `difference` what nothing explains."""

    def __init__(self, command, first, second):
        self.reasons, self.difference = set(), None
        self.command = [word.decode("latin1") if isinstance(word, bytes) else str(word) for word in command]
        # Groups' lags as the second has them, to be held against its entries: name, last ID, lag.
        self.lags = []
        # Whether the two may hold different values from here on.
        self.has_forked = False
        self.compare(first, second)

    def expect(self, is_equal, what):
        if not is_equal and self.difference is None:
            self.difference = what

    def excuse(self, reason):
        self.reasons.add(reason)

    def compare(self, first, second):
        name = self.command[0]
        is_record = first[0] in "*%" and second[0] == first[0]
        kind = self.command[1] if len(self.command) > 1 else ""
        if name == "XINFO" and is_record:
            {"STREAM": self.stream, "GROUPS": self.groups, "CONSUMERS": self.consumers}[kind](first, second)
        elif name == "XPENDING" and len(self.command) > 3 and is_record:
            self.expect(self.rows(first) == self.rows(second), "rows")
        elif name == "HELLO" and is_record:
            self.expect(record(first)["proto"] == record(second)["proto"], "protocol")
        elif name in ("PTTL", "TTL", "EXPIRETIME", "PEXPIRETIME") and first[0] == second[0] == ":":
            self.time(int(first[1]), int(second[1]))
        elif first != second:
            reason = self.reason(name, kind, first, second)
            if reason:
                self.excuse(reason)
            else:
                self.expect(False, "replies")

    def time(self, first, second):
        """EXPIRE counts from when it came; what is given as a moment, from 4 000 000 000 on, is the same."""
        name = self.command[0]
        unit = 1000 if name.startswith("P") else 1
        is_given = name.endswith("TIME") and first >= 4_000_000_000
        self.expect(abs(first - second) <= (0 if is_given or first < 0 or second < 0 else 300 * unit), "time")

    def rows(self, reply):
        return [(row[1][0], row[1][1], idle(row[1][2]), row[1][3]) for row in reply[1]]

    # XINFO

    def stream(self, first, second):
        one, other = record(first), record(second)
        for key, value in one.items():
            if key == "radix-tree-nodes":
                continue
            if key == "radix-tree-keys" and int(other[key][1]) < int(value[1]):
                self.excuse(EMPTY)
            elif key == "groups" and "entries" in one:
                self.full_groups(value, other[key])
            else:
                self.expect(value == other[key], key)

    def paired(self, first, second):
        self.expect(len(first[1]) == len(second[1]), "count")
        return [(record(one), record(other)) for one, other in zip(first[1], second[1])]

    def group(self, one, other, keys):
        for key in keys:
            self.expect(one[key] == other[key], key)
        if one["entries-read"] != other["entries-read"]:
            self.excuse(READ)
        if one["lag"] != other["lag"]:
            self.excuse(LAG)
        self.lags.append((other["name"][1], other["last-delivered-id"][1], other["lag"][1]))

    def groups(self, first, second):
        for one, other in self.paired(first, second):
            self.group(one, other, ["name", "pending", "last-delivered-id"])
            if one["consumers"] != other["consumers"]:
                self.excuse(CONSUMERS)
                self.expect(int(one["consumers"][1]) < int(other["consumers"][1]), "consumers")

    def consumers(self, first, second):
        self.held([(record(row), []) for row in first[1]], [(record(row), []) for row in second[1]], "pending")

    def held(self, first, second, count):
        """Consumers, with what they hold: the second has some more, which hold nothing."""
        one = {row["name"][1]: (row[count], held) for row, held in first}
        other = {row["name"][1]: (row[count], held) for row, held in second}
        self.expect(list(other) == sorted(other), "order")
        for name, row in one.items():
            self.expect(row == other.get(name), "consumer " + name)
        for name in set(other) - set(one):
            self.excuse(CONSUMERS)
            self.expect(other[name][0] == (":", "0"), "consumer " + name)

    def full_groups(self, first, second):
        for one, other in self.paired(first, second):
            self.group(one, other, ["name", "last-delivered-id", "pel-count"])

            def pending(row):
                return [(item[1][0], item[1][1], moment(item[1][2]), item[1][3]) for item in row["pending"][1]]

            def held(row):
                rows = [record(item) for item in row["consumers"][1]]
                return [(item, [(one[1][0], moment(one[1][1]), one[1][2]) for one in item["pending"][1]])
                        for item in rows]

            self.expect(pending(one) == pending(other), "pending")
            self.held(held(one), held(other), "pel-count")

    # Whole replies

    def reason(self, name, kind, first, second):
        errors = [reply[1] if reply[0] == "-" else "" for reply in (first, second)]
        if name in ("SMEMBERS", "SINTER", "SUNION", "SDIFF", "KEYS"):
            if all(isinstance(reply[1], list) for reply in (first, second)):
                return ORDER if sorted(first[1]) == sorted(second[1]) else None
        if name == "XSETID" and errors[1].endswith("smaller than current max_deleted_entry_id"):
            self.has_forked = True
            return LAST_ID
        if name in ("XTRIM", "XADD") and "MINID" in self.command and "~" in self.command:
            self.has_forked = True
            return CLEANED if name == "XTRIM" and int(first[1]) < int(second[1]) else None
        if errors[0] and errors[1]:
            if errors[0].startswith("UNBLOCKED the stream key no longer exists"):
                return UNBLOCKED if errors[1].startswith(("NOGROUP", "WRONGTYPE")) else None
            if errors[0].startswith("NOGROUP the consumer group this client was blocked on no longer exists"):
                return UNBLOCKED if errors[1].startswith("NOGROUP No such key") else None
            if "Unbalanced" in errors[0] and "Unbalanced" in errors[1]:
                return UNBALANCED
            if all(text.startswith("ERR unknown command") for text in errors):
                return TAIL
        if name == "XREAD" and "BLOCK" in self.command and first[0] == second[0] and first[0] in "*%":
            one, other = pairs(first), pairs(second)
            return ALL_STREAMS if len(one) < len(other) and all(stream in other for stream in one) else None
        if name == "XGROUP" and kind == "CREATECONSUMER":
            return CONSUMERS if (first, second) == ((":", "1"), (":", "0")) else None
        if name == "OBJECT":
            return {"ENCODING": ENCODING, "REFCOUNT": SHARED}.get(kind)
        return None
