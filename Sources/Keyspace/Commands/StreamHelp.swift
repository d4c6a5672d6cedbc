// SPDX-License-Identifier: Apache-2.0

/// Lines that clients show, as Redis 8.8 sends them, and what is ours behind those it is beside.
enum StreamHelp {
    static let xgroup: [StaticString] = [
        "XGROUP <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "CREATE <key> <groupname> <id|$> [option]",
        "    Create a new consumer group. Options are:",
        "    * MKSTREAM",
        "      Create the empty stream if it does not exist.",
        "    * ENTRIESREAD entries_read",
        "      Set the group's entries_read counter (internal use).",
        "CREATECONSUMER <key> <groupname> <consumer>",
        "    Create a new consumer in the specified group.",
        "DELCONSUMER <key> <groupname> <consumer>",
        "    Remove the specified consumer.",
        "DELCONSUMER <key> <groupname> <consumer> IFEMPTY|TO <other>",
        "    Remove it only if it has nothing pending, or give that to another one.",
        "DESTROY <key> <groupname>",
        "    Remove the specified group.",
        "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
        "    Set the current group ID and entries_read counter.",
        "SETPOLICY <key> <groupname> OFF|<policy> [<policy> ...]",
        "    Say what the group does of itself. Policies are:",
        "    * VISIBILITY ms",
        "      Deliver again what isn't acknowledged in time.",
        "    * MAXDELIVERIES count DEADLETTER <key>",
        "      Put there what was delivered so often.",
        "    * ORDERBY field",
        "      Of entries with the same value there, have one out at a time.",
        "    * DELIVER PRIORITY|ID",
        "      Deliver the most urgent new entries first, or in order.",
        "    * IDLECONSUMERS ms",
        "      Remove consumers that ask for nothing, and give back what they have.",
        "    * FILTER field value",
        "      Pass over entries without this field.",
        "HELP",
        "    Print this help.",
    ]

    static let xinfo: [StaticString] = [
        "XINFO <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "CONSUMERS <key> <groupname>",
        "    Show consumers of <groupname>.",
        "GROUPS <key>",
        "    Show the stream consumer groups.",
        // The bracket that is missing is missing there as well.
        "STREAM <key> [FULL [COUNT <count>]",
        "    Show information about the stream.",
        "HELP",
        "    Print this help.",
    ]
}
