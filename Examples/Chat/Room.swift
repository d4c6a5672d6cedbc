// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletEmbedded

struct Line: Codable {
    var author: String
    var text: String
}

/// Everybody who is here, and how to reach them.
actor Room {
    private var writers: [String: MessageWriter<Line>] = [:]

    /// The first line that a guest gets says that it is in.
    func join(_ writer: MessageWriter<Line>, as name: String) async throws {
        guard self.writers[name] == nil else { throw MicroError(.conflict, "\(name) is here already") }
        self.writers[name] = writer
        try await writer.write(Line(author: "room", text: "welcome, \(name)"))
        await self.tell(Line(author: "room", text: "\(name) is here"), from: name)
    }

    func leave(_ name: String) async {
        self.writers[name] = nil
        await self.tell(Line(author: "room", text: "\(name) has left"), from: name)
    }

    /// Whoever can't be written to has gone, and leaves by itself.
    func tell(_ line: Line, from name: String) async {
        for (other, writer) in self.writers where other != name { try? await writer.write(line) }
    }
}

func chatService(_ store: MartletStore) -> MicroService {
    let room = Room()
    var service = MicroService("chat", store: store) { $0.address = "127.0.0.1:0" }
    service.bidirectionalStream("Room.Join") { (lines: MessageStream<Line>, writer: MessageWriter<Line>, context) in
        let name = context.metadata["guest"] ?? "somebody"
        try await room.join(writer, as: name)
        do {
            for try await line in lines { await room.tell(line, from: name) }
        } catch {
            print("\(name) is gone: \(error)")
        }
        await room.leave(name)
    }
    return service
}
