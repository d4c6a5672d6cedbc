// SPDX-License-Identifier: Apache-2.0

public import MartletRESPCodec

/// Replies of HELP: what a command's subcommands take, and what they are for.
public enum CommandHelp {
    /// - Parameter entry: of a subcommand named HELP.
    public static func write(_ entry: CommandEntry, _ reply: inout ReplyWriter) {
        let lines = lines(String(entry.name.prefix { $0 != "|" }))
        reply.array(lines.count)
        for line in lines { reply.simple(line) }
    }

    /// The first line and the last two are those of Redis's XGROUP HELP.
    static func lines(_ container: String) -> [String] {
        guard let entry = CommandTable.shared.entry(named: container) else { return [] }
        var lines = ["\(container.uppercased()) <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"]
        for subcommand in entry.subcommands where subcommand.subcommandName != "help" {
            let words = subcommand.syntax.text
            lines.append(subcommand.subcommandName.uppercased() + (words.isEmpty ? "" : " " + words))
            lines.append("    " + subcommand.summary)
        }
        return lines + ["HELP", "    Print this help."]
    }
}
