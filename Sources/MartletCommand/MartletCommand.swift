// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

@main
struct Main {
    static func main() async {
        let arguments = CommandLine.arguments
        switch Invocation(name: arguments.first ?? "", arguments: Array(arguments.dropFirst())) {
        case .server(let flags): exit(await ServerCommand.run(flags))
        case .commands(let words):
            let switches = words.first == "snapshot" ? SnapshotCommand.switches : EtcdAccessOption.switches
            await MartletCommand.main(GoFlags.normalized(words, flags: switches))
        }
    }
}

struct MartletCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "martlet",
        abstract: "Services that find and call each other, and the key-value server they find each other through.",
        discussion: """
            See it all work at once, in twenty seconds:
              martlet demo

            Or by hand, each in a terminal of its own:
              martlet server
              martlet services --watch
              martlet describe go.micro.server
              martlet call go.micro.server Greeter.Hello '{"name": "John"}'

            To complete names of services and endpoints with the tab key, once for bash (or zsh, or fish):
              martlet --generate-completion-script bash > ~/.local/share/bash-completion/completions/martlet

            Called as `etcd`, or with a flag in first place, this is `martlet server`.
            """,
        subcommands: [
            ServerCommand.self, DemoCommand.self, NewCommand.self, ServicesCommand.self, DescribeCommand.self,
            CallCommand.self, StreamCommand.self, HealthCommand.self, PublishCommand.self, SnapshotCommand.self,
            CheckCommand.self, CheckWorkerCommand.self, DemoServerCommand.self, DemoGreeterCommand.self,
            DemoClientCommand.self, QueueServerCommand.self, QueueWorkerCommand.self, QueueProducerCommand.self,
            ClusterMemberCommand.self,
        ])
}
