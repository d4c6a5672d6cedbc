// SPDX-License-Identifier: Apache-2.0

import Foundation
import Martlet
import MartletEtcd

struct Line: Codable {
    var author: String
    var text: String
}

/// Everybody who is here, and how to reach them.
actor Room {
    private var writers: [Int: MessageWriter<Line>] = [:]
    private var next = 0

    func join(_ writer: MessageWriter<Line>) -> Int {
        self.next += 1
        self.writers[self.next] = writer
        return self.next
    }

    func leave(_ guest: Int) { self.writers[guest] = nil }

    /// Whoever can't be written to has gone, and leaves by itself.
    func tell(_ line: Line, from guest: Int) async {
        for (other, writer) in self.writers where other != guest { try? await writer.write(line) }
    }
}

/// `swift run Chat serve`, then `swift run Chat NAME` in as many terminals as you like. A line is sent by return.
@main struct Chat {
    static func main() async throws {
        let name = CommandLine.arguments.dropFirst().first ?? "serve"
        if name == "serve" { try await self.serve() } else { try await self.join(as: name) }
    }

    static func serve() async throws {
        let room = Room()
        var service = MicroService("chat", registry: .etcd("127.0.0.1:2379"))
        service.bidirectionalStream("Room.Join") { (lines: MessageStream<Line>, writer: MessageWriter<Line>, context) in
            let guest = await room.join(writer)
            do {
                for try await line in lines { await room.tell(line, from: guest) }
            } catch {
                print("a guest is gone: \(error)")
            }
            await room.leave(guest)
        }
        try await service.runService()
    }

    static func join(as name: String) async throws {
        try await withMicroClient(registry: .etcd("127.0.0.1:2379")) { client in
            try await client.bidirectionalStream("chat", "Room.Join", sending: Line.self, receiving: Line.self) {
                writer, lines in
                let typing = Task {
                    for await text in self.typedLines() { try await writer.write(Line(author: name, text: text)) }
                    writer.finish()
                }
                for try await line in lines { print("\(line.author): \(line.text)") }
                typing.cancel()
            }
        }
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
