# SPDX-License-Identifier: Apache-2.0
"""What etcdctl_parity does on each server. Every scenario starts on a server of its own, with an empty store.

Watches start at a named revision wherever the moment of their start would else decide what they see.
"""

import signal
import time

# A watch's start leaves no trace outside. etcdctl on a busy two-core machine has it within so long.
STARTING_SECONDS = 4

SCENARIOS = {}
SLOW = set()


def scenario(function):
    SCENARIOS[function.__name__.replace("_", "-")] = function
    return function


def slow(function):
    SLOW.add(function.__name__.replace("_", "-"))
    return function


def fruit(s):
    """Revisions 2 to 9: five keys in different orders by key, creation, modification and value."""
    for pair in ("b=5", "a=4", "e=1", "c=3", "d=2", "c=33", "c=3", "b=55"):
        key, value = pair.split("=")
        s.run("put", f"fruit/{key}", value, quiet=True)


@scenario
def put(s):
    s.run("put", "foo", "bar")
    s.run("put", "foo", "bar2", "--prev-kv")
    s.run("put", "foo", "bar3", "-w", "json")
    s.run("put", "foo", "bar4", "--prev-kv", "-w", "json")
    s.run("put", "foo", "bar5", "--prev-kv", "-w", "fields")
    s.run("put", "new", "x", "--prev-kv")
    s.run("put", "from-stdin", stdin="two\nlines\n")
    s.run("get", "from-stdin")
    s.run("put", "foo", "--ignore-value")
    s.run("put", "foo", "value", "--ignore-value")
    s.run("put", "missing", "--ignore-value")
    s.run("put", "foo", "again", "--ignore-lease")
    s.run("put", "missing", "v", "--ignore-lease")
    s.run("put", "foo", "v", "--ignore-lease", "--lease=1234")
    s.run("put", "foo", "v", "--lease=1234")
    s.run("put", "foo", "v", "--lease=xyz")
    s.run("put", "", "v")
    s.run("put")
    s.run("put", "a", "b", "c")
    s.run("put", "größe 漢字", "grün 🐦")
    s.run("get", "größe 漢字")
    s.run("get", "größe 漢字", "--hex")
    s.run("put", "empty", "")
    s.run("get", "empty", "-w", "json")
    s.run("get", "", "--prefix", "-w", "fields")


@scenario
def put_large(s):
    s.run("put", "large", stdin="x" * 1_500_000)
    s.run("get", "large", "--keys-only")
    s.run("put", "larger", stdin="x" * 1_600_000)
    s.run("put", "largest", stdin="x" * 2_200_000)
    s.run("get", "large", "--prefix", "--keys-only")


@scenario
def get(s):
    fruit(s)
    s.run("get", "fruit/a")
    s.run("get", "missing")
    s.run("get", "missing", "-w", "json")
    s.run("get", "missing", "-w", "fields")
    s.run("get", "fruit/", "--prefix")
    s.run("get", "fruit/b", "fruit/d")
    s.run("get", "fruit/d", "fruit/b")
    s.run("get", "fruit/c", "--from-key")
    s.run("get", "", "--from-key", "--keys-only")
    s.run("get", "", "--prefix", "--keys-only")
    s.run("get", "fruit/", "--prefix", "--print-value-only")
    s.run("get", "fruit/c", "-w", "json")
    s.run("get", "fruit/c", "-w", "simple")
    s.run("get", "fruit/c", "-w", "fields")
    s.run("get", "fruit/c", "-w", "table")
    s.run("get", "fruit/c", "--hex")
    s.run("get", "fruit/c", "--consistency=s", "-w", "json")
    s.run("get", "fruit/", "--prefix", "--keys-only", "-w", "json")
    s.run("get", "fruit/", "--prefix", "--keys-only", "-w", "fields")
    s.run("get", "fruit/", "--prefix", "--count-only")
    s.run("get", "fruit/", "--prefix", "--count-only", "-w", "fields")
    s.run("get", "fruit/", "--prefix", "--count-only", "-w", "json")


@scenario
def get_limit(s):
    fruit(s)
    for limit in ("0", "1", "3", "5", "6"):
        s.run("get", "fruit/", "--prefix", "--limit", limit, "-w", "fields")
    s.run("get", "fruit/", "--prefix", "--limit", "2", "-w", "json")
    s.run("get", "fruit/", "--prefix", "--limit", "2", "--sort-by=VERSION", "--order=DESCEND", "-w", "json")
    s.run("get", "fruit/", "--prefix", "--limit", "-1")
    s.run("get", "fruit/a", "--limit", "1", "-w", "json")


@scenario
def get_sorted(s):
    fruit(s)
    for target in ("CREATE", "KEY", "MODIFY", "VALUE", "VERSION"):
        s.run("get", "fruit/", "--prefix", f"--sort-by={target}")
        for order in ("ASCEND", "DESCEND"):
            s.run("get", "fruit/", "--prefix", f"--sort-by={target}", f"--order={order}")
    s.run("get", "fruit/", "--prefix", "--order=DESCEND")
    s.run("get", "fruit/", "--prefix", "--sort-by=create", "--order=descend", "--keys-only")
    s.run("get", "fruit/", "--prefix", "--sort-by=SIZE")
    s.run("get", "fruit/", "--prefix", "--order=UP")


@scenario
def get_at_a_revision(s):
    fruit(s)
    for revision in range(1, 10):
        s.run("get", "fruit/", "--prefix", f"--rev={revision}", "-w", "fields")
    s.run("get", "fruit/c", "--rev=5")
    s.run("get", "fruit/c", "--rev=4")
    s.run("del", "fruit/c")
    s.run("get", "fruit/c", "--rev=9")
    s.run("get", "fruit/c", "--rev=10")
    s.run("get", "fruit/c", "--rev=0")
    s.run("get", "fruit/c", "--rev=11")
    s.run("get", "fruit/c", "--rev=999")
    s.run("get", "fruit/c", "--rev=-1")


@scenario
def get_errors(s):
    s.run("get")
    s.run("get", "")
    s.run("get", "a", "b", "c")
    s.run("get", "a", "z", "--prefix")
    s.run("get", "a", "z", "--from-key")
    s.run("get", "a", "--prefix", "--from-key")
    s.run("get", "a", "--consistency=x")
    s.run("get", "a", "-w", "yaml")
    s.run("get", "a", "--keys-only", "--count-only")
    s.run("get", "a", "--no-such-flag")
    s.run("no-such-command")


@scenario
def delete(s):
    fruit(s)
    s.run("del", "missing")
    s.run("del", "fruit/a")
    s.run("del", "fruit/a")
    s.run("del", "fruit/b", "--prev-kv")
    s.run("put", "fruit/b", "back")
    s.run("get", "fruit/b", "-w", "json")
    s.run("del", "fruit/b", "fruit/d", "--prev-kv", "-w", "json")
    s.run("get", "", "--prefix", "-w", "fields")
    s.run("del", "fruit/", "--prefix", "--prev-kv", "-w", "fields")
    for key in ("a", "b", "c", "d"):
        s.run("put", key, key, quiet=True)
    s.run("del", "c", "--from-key")
    s.run("del", "b", "a")
    s.run("del", "", "--prefix")
    s.run("del", "", "--prefix", "-w", "json")
    s.run("del", "")
    s.run("del")
    s.run("del", "a", "b", "c")
    s.run("del", "a", "b", "--prefix")
    s.run("del", "a", "--prefix", "--from-key")


def txn_text(compares, success, failure):
    return "\n".join([*compares, "", *success, "", *failure, "", ""])


@scenario
def txn(s):
    s.run("put", "a", "1")
    s.run("put", "a", "2")
    s.run("put", "b", "1")
    # A comparison of leases ends etcdctl 3.4 and 3.5 in a panic before anything is sent, so there is none here.
    both = (["put answer yes", "get a"], ["put answer no", "get b"])
    for compare in (
        *(f'{target}("a") {sign} "{number}"' for target in ("version", "ver") for sign, number in (("=", 2), ("=", 1))),
        *(f'{target}("a") {sign} "{number}"' for target in ("create", "c") for sign, number in (("=", 2), (">", 2))),
        *(f'{target}("a") {sign} "{number}"' for target in ("mod", "m") for sign, number in (("<", 4), ("<", 3))),
        *(f'{target}("a") {sign} "{text}"' for target in ("value", "val") for sign, text in (("=", 2), (">", 1))),
        'value("a") < "2"',
        'value("a") != "2"',
        'version("missing") = "0"',
        'create("missing") = "0"',
        'value("missing") = ""',
        'value("missing") != "x"',
    ):
        s.run("txn", stdin=txn_text([compare], *both))
    s.run("txn", stdin=txn_text(['value("a") = "2"', 'value("b") = "1"'], *both))
    s.run("txn", stdin=txn_text(['value("a") = "2"', 'value("b") = "9"'], *both))
    s.run("txn", stdin=txn_text([], *both))
    s.run("txn", stdin=txn_text([], [], []))
    s.run("txn", "-w", "json", stdin=txn_text(['version("a") > "0"'], ["put a 3", "get a", "del b", "get b"], []))
    s.run("txn", "-w", "fields", stdin=txn_text([], ["put c 1", "get --prefix a", "del --prefix b"], []))
    s.run("txn", stdin=txn_text([], ["del missing", "get missing"], []))
    s.run("txn", "-w", "json", stdin=txn_text([], ["del missing"], []))
    s.run("txn", "-i", stdin=txn_text(['value("a") = "3"'], ["put i 1"], []))
    s.run("get", "", "--prefix", "-w", "fields")


@scenario
def txn_errors(s):
    s.run("put", "a", "1")
    s.run("txn", stdin=txn_text([], ["put k 1", "put k 2"], []))
    s.run("txn", stdin=txn_text([], ["put k 1", "del k"], []))
    s.run("txn", stdin=txn_text([], ["put k 1", "del --prefix k"], []))
    s.run("txn", stdin=txn_text([], ["del k", "del k"], []))
    s.run("txn", stdin=txn_text([], ["put k 1"], ["put k 2"]))
    s.run("txn", stdin=txn_text([], ["put new 1", "put k v --lease=1234"], []))
    s.run("txn", stdin=txn_text([], ["put new 1", "put missing --ignore-value"], []))
    s.run("txn", stdin=txn_text([], ["put new 1", "get a --rev=99"], []))
    s.run("txn", stdin=txn_text([], ["get a --rev=1", "put late 1"], []))
    s.run("txn", stdin=txn_text([], ["put '' 1"], []))
    s.run("txn", stdin=txn_text([], ["get ''"], []))
    s.run("txn", stdin=txn_text([], [f"put many/{i:03} v" for i in range(128)], []), quiet=True)
    s.run("get", "many/", "--prefix", "--limit=1", "-w", "fields")
    s.run("txn", stdin=txn_text([], [f"put more/{i:03} v" for i in range(129)], []))
    s.run("txn", stdin=txn_text([f'version("{i}") = "0"' for i in range(129)], ["put more/x v"], []))
    s.run("txn", stdin=txn_text(['size("a") = "1"'], [], []))
    s.run("txn", stdin=txn_text(["nonsense"], [], []))
    s.run("txn", stdin=txn_text([], ["watch a"], []))
    s.run("get", "", "--prefix", "--keys-only", "--limit=3", "-w", "fields")


@scenario
def watch(s):
    s.run("put", "foo", "1")
    s.run("put", "foo", "2")
    s.run("put", "fool", "x")
    s.run("del", "foo")
    for label, lines, flags in (
        ("one key", 9, ["foo", "--rev=2"]),
        ("prefix", 12, ["foo", "--prefix", "--rev=2"]),
        ("previous values", 12, ["foo", "--rev=1", "--prev-kv"]),
        ("range", 9, ["foo", "fop", "--rev=3"]),
        ("json", 1, ["foo", "--rev=3", "-w", "json"]),
        ("fields", 11, ["foo", "--rev=4", "-w", "fields"]),
    ):
        follower = s.background(label, "watch", *flags)
        follower.expect(lines)
        follower.finish(signal.SIGKILL)
    follower = s.background("as it happens", "watch", "foo", "--prefix", "--rev=6", "--prev-kv")
    s.run("put", "foo", "live")
    s.run("put", "foo", "live 2")
    s.run("txn", stdin=txn_text([], ["put foo/a 1", "put foo/b 2", "del fool"], []))
    s.run("del", "foo", "--prefix")
    follower.expect(34)
    follower.finish(signal.SIGKILL)


@scenario
def watch_from_the_future(s):
    follower = s.background("future", "watch", "k", "--rev=4")
    time.sleep(STARTING_SECONDS)  # the watch must skip revisions 2 and 3
    for value in ("2", "3", "4", "5"):
        s.run("put", "k", value)
    follower.expect(6)
    follower.finish(signal.SIGKILL)


@scenario
def watch_now(s):
    s.run("put", "k", "before")
    follower = s.background("now", "watch", "k")
    time.sleep(STARTING_SECONDS)  # as above
    s.run("put", "k", "after")
    s.run("del", "k")
    follower.expect(5)
    follower.finish(signal.SIGINT)


@scenario
def watch_compacted(s):
    for value in ("1", "2", "3"):
        s.run("put", "foo", value)
    s.run("compaction", "3")
    s.background("compacted", "watch", "foo", "--rev=2").finish()
    s.background("compacted, prefix", "watch", "foo", "--prefix", "--rev=1", "-w", "json").finish()
    follower = s.background("at the compacted revision", "watch", "foo", "--rev=3", "--prev-kv")
    follower.expect(7)
    follower.finish(signal.SIGKILL)


@scenario
def watch_interactive(s):
    s.run("put", "foo", "1")
    s.run("put", "bar", "1")
    shell = s.background("interactive", "watch", "-i")
    shell.type("watch foo --rev=2")
    shell.expect(3)
    shell.type("watch bar --rev=3")
    shell.expect(6)
    s.run("put", "foo", "2")
    shell.expect(9)
    shell.type("nonsense")
    s.until("it complains", lambda: shell.lines["!"])
    shell.finish(signal.SIGKILL)


@scenario
def watch_exec(s):
    s.run("put", "foo", "bar")
    s.run("put", "foo", "baz")
    script = "env | grep ^ETCD_WATCH_ | sort"
    s.run("del", "foo")
    follower = s.background("exec", "watch", "foo", "--rev=2", "--", "sh", "-c", script)
    follower.expect(21)
    follower.finish(signal.SIGKILL)
    s.background("failing command", "watch", "foo", "--rev=2", "--", "sh", "-c", "exit 3").finish()


@scenario
def watch_errors(s):
    s.background("no key", "watch").finish()
    s.background("bad revision", "watch", "foo", "--rev=x").finish()
    s.background("prefix and range", "watch", "a", "b", "--prefix").finish()


@slow
@scenario
def watch_idle(s):
    """A watch that hears nothing for two minutes still gets its event."""
    s.run("put", "foo", "1")
    follower = s.background("idle", "watch", "foo", "--rev=3")
    time.sleep(121)
    s.run("put", "foo", "2")
    follower.expect(3)
    follower.finish(signal.SIGKILL)


@scenario
def lease(s):
    a = s.grant(600)
    b = s.grant(100)
    s.run("lease", "list")
    s.run("put", "k1", "1", f"--lease={a}")
    s.run("put", "k2", "2", f"--lease={a}")
    s.run("put", "k0", "0", f"--lease={a}")
    s.run("put", "other", "3", f"--lease={b}")
    s.run("get", "k1", "-w", "fields")
    s.run("lease", "timetolive", a)
    s.run("lease", "timetolive", a, "--keys")
    s.run("lease", "timetolive", a, "--keys", "-w", "json")
    s.run("lease", "timetolive", a, "--keys", "-w", "fields")
    s.run("lease", "timetolive", b, "-w", "json")
    s.run("lease", "keep-alive", "--once", a)
    s.run("lease", "keep-alive", "--once", a, "-w", "json")
    s.run("lease", "keep-alive", "--once", a, "-w", "fields")
    s.run("put", "k2", "moved", f"--lease={b}")
    s.run("put", "k1", "freed")
    s.run("put", "k0", "kept", "--ignore-lease")
    s.run("lease", "timetolive", a, "--keys")
    s.run("lease", "timetolive", b, "--keys")
    s.run("lease", "list", "-w", "fields")
    follower = s.background("watch", "watch", "", "--prefix", "--rev=9")
    s.run("lease", "revoke", b)
    follower.expect(6)
    follower.finish(signal.SIGKILL)
    s.run("get", "", "--prefix")
    s.run("lease", "revoke", b)
    s.run("lease", "timetolive", b, "--keys")
    s.run("lease", "timetolive", b, "-w", "json")
    s.run("lease", "revoke", a, "-w", "json")
    s.run("lease", "list")
    s.run("lease", "list", "-w", "json")
    s.run("get", "", "--prefix", "-w", "json")


@scenario
def lease_errors(s):
    s.run("lease", "grant", "1")
    s.run("lease", "grant", "0")
    s.run("lease", "grant", "-1")
    s.run("lease", "grant", "--", "-1")
    s.run("lease", "grant", "9000000000")
    s.run("lease", "grant", "9000000001")
    s.run("lease", "grant", "x")
    s.run("lease", "grant")
    s.run("lease", "revoke", "1234")
    s.run("lease", "revoke", "xyz")
    s.run("lease", "revoke")
    s.run("lease", "timetolive", "1234")
    s.run("lease", "timetolive", "1234", "-w", "json")
    s.run("lease", "timetolive", "xyz")
    s.run("lease", "keep-alive", "--once", "1234")
    s.run("lease", "keep-alive", "1234")
    s.run("lease", "keep-alive")


@scenario
def lease_ends(s):
    lease_id = s.grant(2)
    s.run("put", "short", "lived", f"--lease={lease_id}")
    s.run("put", "long", "lived")
    follower = s.background("watch", "watch", "short", "--rev=2", "--prev-kv")
    follower.expect(7)
    follower.finish(signal.SIGKILL)
    s.run("get", "", "--prefix", "-w", "fields")
    s.run("lease", "timetolive", lease_id)
    s.run("lease", "list")


@scenario
def lease_keep_alive(s):
    lease_id = s.grant(3)
    s.run("put", "kept", "alive", f"--lease={lease_id}")
    keeper = s.background("keep-alive", "lease", "keep-alive", lease_id)
    keeper.expect(5)
    s.run("get", "kept")
    keeper.process.send_signal(signal.SIGSTOP)
    count = len(keeper.lines["|"])
    s.until("the key is gone", lambda: not s.keys("kept"))
    keeper.process.send_signal(signal.SIGCONT)
    keeper.expect(count + 1)
    s.until("keep-alive has ended", lambda: keeper.process.poll() is not None)
    # How often it renewed depends on when it was stopped; each line but the last is the same.
    keeper.lines["|"] = keeper.lines["|"][:1] + keeper.lines["|"][-1:]
    keeper.finish()
    s.run("lease", "list")
    lease_id = s.grant(60)
    keeper = s.background("keep-alive of a revoked lease", "lease", "keep-alive", lease_id)
    keeper.expect(1)
    s.run("lease", "revoke", lease_id)
    keeper.finish(signal.SIGTERM)


@scenario
def compaction(s):
    for value in ("1", "2", "3", "4"):
        s.run("put", "foo", value, quiet=True)
    s.run("del", "foo")
    s.run("put", "foo", "again")
    s.run("compaction", "3")
    s.run("get", "foo", "--rev=3")
    s.run("get", "foo", "--rev=2")
    s.run("get", "foo", "--rev=1")
    s.run("compaction", "3")
    s.run("compaction", "2")
    s.run("compaction", "99")
    s.run("compaction", "6", "--physical")
    s.run("get", "foo", "--rev=6")
    s.run("get", "foo", "--rev=5")
    s.run("get", "foo", "-w", "json")
    s.run("compaction", "7", "-w", "json")
    s.run("get", "foo", "--rev=7", "-w", "fields")
    s.run("compaction", "0")
    s.run("compaction", "--", "-1")
    s.run("compaction", "x")
    s.run("compaction")


@scenario
def lock(s):
    s.run("lock", "m", "--", "sh", "-c", "echo locked; env | grep ^ETCD_LOCK_ | sort")
    s.run("get", "m", "--prefix")
    s.run("lock", "m", "--", "sh", "-c", "exit 3")
    s.run("lock", "m", "--", "no-such-program-at-all")
    s.run("get", "m", "--prefix")
    s.run("lock")
    s.run("lock", "m", "--ttl=x")
    first = s.background("first", "lock", "m")
    first.expect(1)
    second = s.background("second", "lock", "m")
    s.until("two keys wait", lambda: len(s.keys("m/")) == 2)
    s.run("get", "m/", "--prefix", "-w", "fields")
    first.finish(signal.SIGINT)
    second.expect(1)
    s.run("get", "m/", "--prefix", "-w", "fields")
    second.finish(signal.SIGTERM)
    s.run("get", "m/", "--prefix", "-w", "fields")


@scenario
def lock_of_a_dead_holder(s):
    first = s.background("first", "lock", "m", "--ttl=2")
    first.expect(1)
    second = s.background("second", "lock", "m", "--ttl=60", "--", "sh", "-c", "echo second; env | grep ^ETCD_LOCK_REV")
    s.until("two keys wait", lambda: len(s.keys("m/")) == 2)
    first.finish(signal.SIGKILL)
    second.finish()
    s.run("get", "", "--prefix", "-w", "fields")


@scenario
def elect(s):
    observer = s.background("observer", "elect", "-l", "post")
    first = s.background("first", "elect", "post", "alice")
    first.expect(2)
    second = s.background("second", "elect", "post", "bob")
    s.until("two keys wait", lambda: len(s.keys("post/")) == 2)
    observer.expect(2)
    s.run("get", "post/", "--prefix", "-w", "fields")
    first.finish(signal.SIGINT)
    second.expect(2)
    observer.expect(4)
    late = s.background("late observer", "elect", "-l", "post")
    late.expect(2)
    late.finish(signal.SIGKILL)
    second.finish(signal.SIGINT)
    observer.finish(signal.SIGKILL)
    s.run("get", "post/", "--prefix", "-w", "fields")
    s.run("elect", "post")
    s.run("elect")


@scenario
def cluster(s):
    for form in ("simple", "json", "table", "fields"):
        s.run("member", "list", "-w", form)
    for form in ("simple", "json", "table", "fields"):
        s.run("endpoint", "status", "-w", form)
    for form in ("simple", "json", "table", "fields"):
        s.run("endpoint", "health", "-w", form)
    s.run("endpoint", "health", "--cluster")
    s.run("endpoint", "status", "--cluster")
    s.run("put", "foo", "bar")
    s.run("endpoint", "status", "-w", "fields")
    s.run("alarm", "list")
    s.run("member", "list", "extra")


@scenario
def endpoints(s):
    s.run("put", "foo", "bar", endpoints=f"127.0.0.1:1,{s.server.client}")
    s.run("get", "foo", endpoints=f"http://{s.server.client}")
    s.run("get", "foo", endpoints=s.server.client.replace("127.0.0.1", "localhost"))
    s.run("--user", "root:secret", "get", "foo")
    s.run("--user", "root:secret", "put", "foo", "bar")
