// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What a process of the demonstration of queues tells the one that started it: a line of JSON on its standard output.
package enum QueueReport: Codable, Sendable, Equatable {
    /// The server listens.
    case listening(port: Int)
    /// A worker has begun.
    case working
    /// The server has told the producer that it has a message.
    case produced(number: Int, id: String)
    /// All messages are produced.
    case producedAll
    /// A worker began with a message.
    case began(number: Int, delivery: Int)
    /// A worker is done with a message, and goes on to acknowledge it.
    case handled(number: Int)

    /// Sends this to the parent.
    func send() {
        guard let line = try? JSONEncoder().encode(self) else { preconditionFailure("\(self) isn't JSON") }
        StandardStream.output.writeLine(String(decoding: line, as: UTF8.self))
    }

    /// Nil where the line is no report.
    package init?(line: String) {
        guard let report = try? JSONDecoder().decode(Self.self, from: Data(line.utf8)) else { return nil }
        self = report
    }
}
