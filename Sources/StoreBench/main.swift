// SPDX-License-Identifier: Apache-2.0

// Loads for a store that speaks etcd's protocol, or Redis's, this one's or any other; `Benchmarks/run` runs them on
// both in turn.

import Foundation

/// No load takes as long as this: a server that stops answering ends the benchmark.
let longestSeconds: UInt32 = 600

let arguments = CommandLine.arguments.dropFirst()
let commands = Commands(Options(arguments.dropFirst()))
alarm(longestSeconds)
switch arguments.first {
case "put": commands.put()
case "swap": commands.swap()
case "ranges": commands.ranges()
case "core-ranges": commands.coreRanges()
case "mixed": commands.mixed()
case "watchers": commands.watchers()
case "replay": commands.replay()
default:
    fail(
        "usage: put | swap | ranges | core-ranges | mixed | watchers | replay, and --port --process --seconds --keys …")
}
