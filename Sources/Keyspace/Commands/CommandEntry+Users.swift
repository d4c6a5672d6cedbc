// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec

extension CommandEntry {
    static let users: [CommandEntry] = [
        .container(
            "acl", "Says and tells who may do what.", since: "6.0.0", group: .server,
            [
                .outside("acl|whoami", 2, [], "Says who one is.", since: "6.0.0"),
                .outside("acl|users", 2, .admin, "Names users.", since: "6.0.0"),
                .outside("acl|list", 2, .admin, "Tells what users may do.", since: "6.0.0"),
                .outside("acl|getuser", 3, .admin, "Tells what a user may do.", since: "6.0.0"),
                .outside("acl|cat", -2, [], "Lists kinds of commands, or the commands of one.", since: "6.0.0"),
                .outside("acl|dryrun", -4, .admin, "Tells whether a user may run a command.", since: "7.0.0"),
                .outside("acl|genpass", -2, [], "Draws a password.", since: "6.0.0"),
                .outside("acl|log", -2, .admin, "Tells what users were refused.", since: "6.0.0"),
                .outside("acl|load", 2, .admin, "Refused: users are in the log.", since: "6.0.0"),
                .outside("acl|save", 2, .admin, "Refused: users are in the log.", since: "6.0.0"),
                .write(
                    "acl|setuser", -3, [.admin, .secret], .none, "Says what a user may do.", since: "6.0.0",
                    group: .server
                ) { keyspace, call, reply throws(CommandError) in try keyspace.setUser(call, &reply) },
                .write(
                    "acl|deluser", -3, .admin, .none, "Removes users.", since: "6.0.0", group: .server
                ) { keyspace, call, reply throws(CommandError) in try keyspace.deleteUsers(call, &reply) },
            ])
    ]
}
