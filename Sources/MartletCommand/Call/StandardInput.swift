// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Requests that are typed or piped in.
enum StandardInput {
    /// The request that stands for standard input.
    static let name = "-"

    /// All of it.
    static func text() -> String {
        var text = ""
        while let line = readLine(strippingNewline: false) { text += line }
        return text
    }

    /// Its lines as they come, without those that are blank. Read on a thread of its own, since reading blocks.
    static func lines() -> AsyncStream<String> {
        let (lines, continuation) = AsyncStream.makeStream(of: String.self)
        let thread = Thread {
            while let line = readLine() {
                if !line.allSatisfy(\.isWhitespace) { continuation.yield(line) }
            }
            continuation.finish()
        }
        thread.start()
        return lines
    }
}
