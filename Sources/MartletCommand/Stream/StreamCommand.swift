// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// `martlet stream`: streams of entries by name, and a service's streams of messages by default.
struct StreamCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stream",
        abstract: "Look into streams and their groups, and tell them what to do; or open a stream of a service.",
        discussion: """
            Streams of Martlet's own server, or of any that speaks Redis's protocol:

              martlet stream add orders item=tea number=1
              martlet stream read orders --count 10
              martlet stream report

            And a stream of a service, with JSON in and out:

              martlet stream go.micro.server Greeter.Count '{"upto": 3}'
            """,
        subcommands: [
            StreamListCommand.self, StreamAddCommand.self, StreamReadCommand.self, StreamGroupsCommand.self,
            StreamPendingCommand.self, StreamClaimCommand.self, StreamTrimCommand.self, StreamReportCommand.self,
            StreamDelayedCommand.self, StreamRetainCommand.self, StreamPolicyCommand.self, StreamReplayCommand.self,
            StreamCronCommand.self, StreamCallCommand.self,
        ],
        defaultSubcommand: StreamCallCommand.self)
}
