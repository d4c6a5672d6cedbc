// SPDX-License-Identifier: Apache-2.0

import Foundation
import Martlet
import MartletEmbedded

/// `swift run Chat` lets two guests talk in one process. With the store at servers, `MARTLET_STORE=martlet://127.0.0.1`
/// for example, it takes `swift run Chat serve`, then `swift run Chat NAME` in as many terminals as you like: a line is
/// sent by return.
@main struct Chat {
    static func main() async throws {
        let name = CommandLine.arguments.dropFirst().first
        try await MartletStore.with { store in
            switch name {
            case "serve": try await chatService(store).runService()
            case let name?: try await withMicroClient(store: store) { try await talk(as: name, $0) }
            case nil:
                try await withMicroServices([chatService(store)]) {
                    try await withMicroClient(store: store) { try await converse($0) }
                }
            }
        }
    }

    /// Ann is there first; Bob comes, and goes when he has nothing left to say.
    static func converse(_ client: MicroClient) async throws {
        let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
        async let ann: Void = self.answer(as: "Ann", ["hello, Bob", "with milk, please"], client) { arrived.finish() }
        for await _ in arrivals {}
        try await self.answer(as: "Bob", ["hello, Ann. Tea?"], client) {}
        try await ann
    }

    /// Answers each line with the next of `texts`, and leaves when there is none.
    static func answer(
        as name: String, _ texts: [String], _ client: MicroClient, whenIn arrived: () -> Void
    ) async throws {
        try await self.join(name, client) { writer, lines in
            var (texts, isIn) = (texts[...], false)
            for try await line in lines {
                guard isIn else {
                    arrived()
                    isIn = true
                    continue
                }
                print("\(name) hears \(line.author): \(line.text)")
                if let text = texts.popFirst() {
                    try await writer.write(Line(author: name, text: text))
                } else {
                    writer.finish()
                }
            }
        }
    }

    static func talk(as name: String, _ client: MicroClient) async throws {
        try await self.join(name, client) { writer, lines in
            let typing = Task {
                for await text in self.typedLines() { try await writer.write(Line(author: name, text: text)) }
                writer.finish()
            }
            for try await line in lines { print("\(line.author): \(line.text)") }
            typing.cancel()
        }
    }

    static func join(
        _ name: String, _ client: MicroClient, _ body: (MessageWriter<Line>, MessageStream<Line>) async throws -> Void
    ) async throws {
        try await client.bidirectionalStream(
            "chat", "Room.Join", sending: Line.self, receiving: Line.self, configure: { $0.metadata["guest"] = name },
            body)
    }

    /// Read on a thread of its own: reading a terminal blocks.
    static func typedLines() -> AsyncStream<String> {
        let (lines, typed) = AsyncStream.makeStream(of: String.self)
        Thread.detachNewThread {
            while let line = readLine() { typed.yield(line) }
            typed.finish()
        }
        return lines
    }
}
