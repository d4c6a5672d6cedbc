// SPDX-License-Identifier: Apache-2.0

// The framework's bench programs, written against the public API only.

import Foundation

let arguments = CommandLine.arguments.dropFirst()
let numbers = arguments.dropFirst().compactMap { Int($0) }
switch (arguments.first, numbers.count) {
case ("server", 0...1):
    try await Greeter.serve(port: numbers.first ?? 0)
case ("client", 3):
    try await Greeter.call(port: numbers[0], concurrency: numbers[1], calls: numbers[2])
default:
    print("usage: GreeterBench server [PORT] | client PORT CONCURRENCY CALLS")
    exit(64)
}
