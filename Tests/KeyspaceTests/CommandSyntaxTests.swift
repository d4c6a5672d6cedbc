// SPDX-License-Identifier: Apache-2.0

import MartletKeyspace
import MartletRESPCodec
import Testing

/// What commands say of themselves: HELP, and the arguments of COMMAND DOCS.
@Suite struct CommandSyntaxTests {
    /// What is told of a command's words agrees with how many it takes.
    @Test func wordsAgreeWithArities() {
        // QUIT goes whatever stands behind it, as in Redis.
        for entry in CommandTable.shared.all where entry.subcommands.isEmpty && entry.name != "quit" {
            let least = entry.name.split(separator: "|").count + entry.syntax.leastWords
            #expect(entry.arity == (entry.syntax.isVariable ? -least : least), "\(entry.name): \(entry.syntax.text)")
        }
    }

    /// Who asks for a command's words learns which of them are keys.
    @Test func keysAreTold() {
        for entry in CommandTable.shared.all where entry.keys.first > 0 {
            let words = entry.syntax.text.split { " [](|)".contains($0) }
            let keys = words.filter { $0 == "source" || $0 == "destination" || $0.drop { $0 != "k" }.hasPrefix("key") }
            #expect(!keys.isEmpty, "\(entry.name): \(entry.syntax.text)")
        }
    }

    private func docs(_ name: String) -> String {
        var server = LocalServer()
        return notation(server.run("COMMAND DOCS \(name)", isRESP3: true))
    }

    @Test func argumentsAreTakenApart() {
        func value(_ name: String, _ kind: String, _ more: String = "") -> String {
            ##"%{$"name" => $"\##(name)", $"type" => $"\##(kind)", $"display_text" => $"\##(name)"\##(more)}"##
        }
        func token(_ name: String, _ word: String) -> String {
            ##"%{$"name" => $"\##(name)", $"type" => $"pure-token", $"token" => $"\##(word)"}"##
        }
        let optional = ##", $"flags" => ~[+optional]"##
        let block = ##"$"type" => $"block""##
        let length = docs("xlen")
        #expect(
            length.hasSuffix(
                ##"$"arguments" => *["## + value("key", "key") + ##", %{$"name" => $"start", "## + block + optional
                    + ##", $"arguments" => *["## + value("start", "string") + ", " + value("end", "string") + "]}]}}"),
            "\(length)")
        let read = docs("xread")
        #expect(read.contains(value("count", "integer", ##", $"token" => $"COUNT""## + optional)), "\(read)")
        #expect(read.contains(value("key", "key", ##", $"token" => $"STREAMS", $"flags" => ~[+multiple]"##)), "\(read)")
        let policy = docs("xgroup|delconsumer")
        #expect(
            policy.contains(
                ##"%{$"name" => $"ifempty", $"type" => $"oneof""## + optional + ##", $"arguments" => *["##
                    + token("ifempty", "IFEMPTY") + ", " + value("other", "string", ##", $"token" => $"TO""##) + "]}"),
            "\(policy)")
        // What takes no words has no list of them.
        #expect(!docs("dbsize").contains("arguments"))
    }

    @Test func helpNamesAllSubcommands() throws {
        var server = LocalServer()
        for entry in CommandTable.shared.entries where !entry.subcommands.isEmpty && entry.name != "debug" {
            guard case .array(let lines) = server.run("\(entry.name) HELP") else {
                Issue.record("\(entry.name) has no help")
                continue
            }
            let texts = lines.map { line -> String in
                guard case .simple(let bytes) = line else { return "" }
                return String(decoding: bytes, as: UTF8.self)
            }
            let first = "\(entry.name.uppercased()) <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
            #expect(texts.first == first)
            #expect(texts.suffix(2) == ["HELP", "    Print this help."])
            for subcommand in entry.subcommands {
                let name = subcommand.subcommandName.uppercased()
                #expect(texts.contains { $0 == name || $0.hasPrefix(name + " ") }, "\(subcommand.name)")
            }
        }
        #expect(
            notation(server.run("SLOWLOG HELP x")) == "-ERR wrong number of arguments for 'slowlog|help' command")
    }
}
