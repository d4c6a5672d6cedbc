// SPDX-License-Identifier: Apache-2.0

// The wire's own bench programs: a server for h2load to call, and a client that calls. `Benchmarks/run` runs them
// beside their peers.

import Foundation
import Logging
import MartletGRPCWire
import NIOCore

let logger = Logger(label: "wire-bench")
let arguments = Array(CommandLine.arguments.dropFirst())
let numbers = arguments.dropFirst().prefix(3).compactMap { Int($0) }

@Sendable func serve(port: Int) async throws {
    let server = try WireServer(router: BenchRoutes.makeRouter(), logger: logger)
    let address = try await server.bind(.hostPort("127.0.0.1", port))
    FileHandle.standardOutput.write(Data("listening on \(address.port ?? 0)\n".utf8))
    // Until the parent ends us by a signal.
    while true { try await Task.sleep(for: .seconds(3600)) }
}

/// The bytes that pairs of hexadecimal digits stand for; anything else is left out.
func bytes(hexadecimal text: String) -> [UInt8] {
    stride(from: 0, to: text.utf8.count - 1, by: 2).compactMap {
        let start = text.utf8.index(text.startIndex, offsetBy: $0)
        return UInt8(text[start..<text.utf8.index(start, offsetBy: 2)], radix: 16)
    }
}

switch (arguments.first, numbers.count) {
case ("server", 0...1):
    try await serve(port: numbers.first ?? 0)
case ("client", 3):
    let path = arguments.count > 4 ? arguments[4] : "/Bench/Echo"
    let message = arguments.count > 5 ? bytes(hexadecimal: arguments[5]) : [UInt8](repeating: 7, count: 20)
    let caller = BenchCaller(path: path, message: message, concurrency: numbers[1])
    try await caller.run(port: numbers[0], calls: numbers[2], logger: logger)
default:
    print("usage: MartletWireBench server [PORT] | client PORT CONCURRENCY CALLS [PATH [HEX]]")
    exit(64)
}
