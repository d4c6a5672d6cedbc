# SPDX-License-Identifier: Apache-2.0
"""What etcdctl_parity does with users, roles and permissions. Importing this adds the scenarios.

Left out is what versions of etcd differ in: requests without rights to lease, status and maintenance calls, ranges
that no key can lie in, two permissions that begin with one key, passwords above 72 bytes.
"""

import signal

from etcdctl_scenarios import scenario

ROOT = "--user=root:rootpw"
ALICE = "--user=alice:alicepw"


def people(s):
    """`root`; `alice`, who reads a to m, writes c to f, and reads and writes z and everything below q/."""
    s.run("user", "add", "root:rootpw", quiet=True)
    s.run("user", "add", "alice:alicepw", quiet=True)
    s.run("role", "add", "root", quiet=True)
    s.run("user", "grant-role", "root", "root", quiet=True)
    s.run("role", "add", "readers", quiet=True)
    s.run("role", "add", "writers", quiet=True)
    s.run("role", "grant-permission", "readers", "read", "a", "m", quiet=True)
    s.run("role", "grant-permission", "writers", "write", "c", "f", quiet=True)
    s.run("role", "grant-permission", "writers", "readwrite", "z", quiet=True)
    s.run("role", "grant-permission", "writers", "readwrite", "q/", "--prefix", quiet=True)
    s.run("user", "grant-role", "alice", "readers", quiet=True)
    s.run("user", "grant-role", "alice", "writers", quiet=True)
    for key in ("b", "c", "d", "l", "n", "q/1", "z"):
        s.run("put", key, f"value of {key}", quiet=True)
    s.run("auth", "enable", quiet=True)


@scenario
def auth_users(s):
    s.run("user", "list")
    s.run("user", "add", "alice:pw")
    s.run("user", "add", "alice:pw")
    s.run("user", "add", "bob", "--interactive=false", stdin="pw\n")
    s.run("user", "add", "cert", "--no-password")
    s.run("user", "add", ":pw")
    s.run("user", "add", "größe 漢字:pw")
    s.run("user", "list")
    s.run("user", "list", "-w", "json")
    s.run("user", "get", "alice")
    s.run("user", "get", "alice", "-w", "json")
    s.run("user", "get", "nobody")
    s.run("user", "get", "nobody", "--detail")
    s.run("user", "passwd", "alice", "--interactive=false", stdin="other\n")
    s.run("user", "passwd", "nobody", "--interactive=false", stdin="other\n")
    s.run("user", "grant-role", "alice", "nothing")
    s.run("user", "grant-role", "nobody", "nothing")
    s.run("user", "grant-role", "alice", "root")
    s.run("user", "grant-role", "alice", "root")
    s.run("user", "get", "alice")
    s.run("user", "revoke-role", "alice", "nothing")
    s.run("user", "revoke-role", "nobody", "root")
    s.run("user", "revoke-role", "alice", "root")
    s.run("user", "revoke-role", "alice", "root")
    s.run("user", "delete", "nobody")
    s.run("user", "delete", "alice")
    s.run("user", "delete", "alice")
    s.run("user", "list")


@scenario
def auth_roles(s):
    s.run("role", "list")
    s.run("role", "add", "r")
    s.run("role", "add", "r")
    s.run("role", "add", "")
    s.run("role", "add", "another")
    s.run("role", "list")
    s.run("role", "list", "-w", "json")
    s.run("role", "get", "nothing")
    s.run("role", "get", "r")
    s.run("role", "get", "root")
    s.run("role", "grant-permission", "r", "read", "b", "d")
    s.run("role", "grant-permission", "r", "write", "a")
    s.run("role", "grant-permission", "r", "readwrite", "p/", "--prefix")
    s.run("role", "grant-permission", "r", "read", "x", "--from-key")
    s.run("role", "grant-permission", "r", "read", "", "--prefix")
    s.run("role", "grant-permission", "r", "sometimes", "a")
    s.run("role", "grant-permission", "nothing", "read", "a")
    s.run("role", "get", "r")
    s.run("role", "get", "r", "-w", "json")
    s.run("role", "grant-permission", "r", "readwrite", "b", "d")
    s.run("role", "get", "r")
    s.run("role", "revoke-permission", "r", "b")
    s.run("role", "revoke-permission", "r", "b", "d")
    s.run("role", "revoke-permission", "r", "p/", "--prefix")
    s.run("role", "revoke-permission", "r", "x", "--from-key")
    s.run("role", "revoke-permission", "nothing", "a")
    s.run("role", "get", "r")
    s.run("user", "add", "u:pw")
    s.run("user", "grant-role", "u", "r")
    s.run("user", "grant-role", "u", "another")
    s.run("user", "get", "u")
    s.run("user", "get", "u", "--detail")
    s.run("role", "delete", "r")
    s.run("role", "delete", "r")
    s.run("user", "get", "u")


@scenario
def auth_enabling(s):
    s.run("user", "add", "root:rootpw")
    s.run("user", "grant-role", "root", "root")
    s.run("user", "add", "alice:alicepw")
    s.run("--user=root:rootpw", "get", "a")
    s.run("auth", "disable")
    s.run("auth", "enable")
    s.run("put", "a", "1")
    s.run("get", "a")
    s.run("--user=root:wrong", "get", "a")
    s.run("--user=nobody:wrong", "get", "a")
    s.run(ALICE, "get", "a")
    s.run(ROOT, "put", "a", "1")
    s.run(ROOT, "get", "a")
    s.run(ROOT, "user", "delete", "root")
    s.run(ROOT, "user", "revoke-role", "root", "root")
    s.run(ROOT, "role", "delete", "root")
    s.run(ALICE, "user", "list")
    s.run(ALICE, "role", "list")
    s.run(ALICE, "user", "get", "alice")
    s.run(ALICE, "user", "get", "root")
    s.run(ALICE, "user", "add", "eve:pw")
    s.run(ALICE, "auth", "disable")
    s.run("auth", "disable")
    s.run(ROOT, "auth", "disable")
    s.run("get", "a")
    s.run("user", "delete", "root")


@scenario
def auth_keys(s):
    people(s)
    s.run(ALICE, "get", "b")
    s.run(ALICE, "get", "n")
    s.run(ALICE, "get", "a", "m", "--keys-only")
    s.run(ALICE, "get", "a", "n")
    s.run(ALICE, "get", "a", "--from-key")
    s.run(ALICE, "get", "q/", "--prefix")
    s.run(ALICE, "get", "l", "b")
    s.run(ALICE, "put", "c", "1")
    s.run(ALICE, "put", "b", "1")
    s.run(ALICE, "put", "z", "1", "--prev-kv")
    s.run(ALICE, "del", "c", "f", "--prev-kv")
    s.run(ALICE, "del", "c", "g")
    s.run(ALICE, "del", "q/", "--prefix")
    s.run(ALICE, "role", "get", "readers")
    s.run(ALICE, "role", "get", "root")
    s.run(ROOT, "role", "revoke-permission", "readers", "a", "m")
    s.run(ALICE, "get", "b")
    s.run(ROOT, "user", "revoke-role", "alice", "writers")
    s.run(ALICE, "put", "z", "2")
    s.run(ROOT, "get", "", "--prefix")


@scenario
def auth_txn(s):
    people(s)

    def txn(compares, success, failure):
        s.run(ALICE, "txn", stdin="\n".join([*compares, "", *success, "", *failure, "", ""]))

    txn(['value("b") = "value of b"'], ["get c"], ["put c other"])
    txn(['value("n") = "value of n"'], ["get c"], ["get c"])
    txn(['version("b") > "0"'], ["get n"], ["get c"])
    txn(['version("b") > "0"'], ["get c"], ["get n"])
    txn(['version("b") > "0"'], ["put c 1", "put b 1"], [])
    txn(['version("b") = "0"'], ["put b 1"], ["get b"])
    txn(['version("b") > "0"'], ["del z", "get l"], ["del n"])
    txn(['version("b") > "0"'], ["del z", "get l"], ["put z 1"])
    s.run(ROOT, "get", "", "--prefix")


@scenario
def auth_leases(s):
    people(s)
    s.run(ROOT, "put", "n", "1", "--lease=1234")
    lease = s.run(ROOT, "lease", "grant", "1000").split()[1]
    s.run(ALICE, "put", "z", "1", f"--lease={lease}")
    s.run(ROOT, "put", "n", "1", f"--lease={lease}")
    s.run(ALICE, "put", "z", "2", f"--lease={lease}")
    s.run(ALICE, "lease", "revoke", lease)
    s.run(ALICE, "get", "z")
    s.run(ROOT, "lease", "revoke", lease)
    s.run(ROOT, "get", "n")


@scenario
def auth_watch(s):
    people(s)
    allowed = s.background("allowed", ALICE, "watch", "z", "--rev=1")
    allowed.expect(3)
    s.run(ROOT, "put", "z", "later")
    allowed.expect(6)
    allowed.finish(signal.SIGINT)
    refused = s.background("refused", ALICE, "watch", "n", "--rev=1")
    refused.finish()


@scenario
def auth_administration(s):
    people(s)
    s.run(ROOT, "compaction", "2")
    s.run(ROOT, "defrag")
    s.run(ALICE, "member", "add", "other", "--peer-urls=http://127.0.0.1:1")
    s.run("member", "remove", "1")
    s.run(ALICE, "member", "remove", "1")
    s.run(ROOT, "member", "remove", "1")
    s.run(ROOT, "user", "passwd", "alice", "--interactive=false", stdin="new\n")
    s.run(ALICE, "get", "b")
    s.run("--user=alice:new", "get", "b")
    s.run(ROOT, "user", "delete", "alice")
    s.run("--user=alice:new", "get", "b")
