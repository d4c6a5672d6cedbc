// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What a process of the demonstration tells the one that started it: a line of JSON on its standard output.
package enum DemoReport: Codable, Sendable, Equatable {
    /// The server listens.
    case listening(address: String)
    /// A Greeter serves, and has registered.
    case serving(address: String)
    /// A Greeter's handler began with a call; the time is the system's monotonic clock, in nanoseconds.
    case began(call: Int, atNanoseconds: Int64)
    /// A Greeter's handler is done with a call.
    case ended(call: Int)
    /// The client has an answer.
    case answered(call: Int, by: String, greeting: String, microseconds: UInt64)
    /// The client has an error.
    case failed(call: Int, error: String, microseconds: UInt64)

    /// The report as it is sent, without a line end.
    package func line() throws -> String { String(decoding: try JSONEncoder().encode(self), as: UTF8.self) }

    /// Sends this to the parent.
    func send() {
        guard let line = try? line() else { preconditionFailure("\(self) isn't JSON") }
        StandardStream.output.writeLine(line)
    }

    /// Nil where the line is no report.
    package init?(line: String) {
        guard let report = try? JSONDecoder().decode(Self.self, from: Data(line.utf8)) else { return nil }
        self = report
    }
}
