// SPDX-License-Identifier: Apache-2.0

import MartletKeyspace
import MartletRESPCodec
import Testing

/// MAXCOUNT and MAXSIZE.
@Suite struct ReplyBudgetTests {
    /// Two streams of five entries, each of which takes 31 bytes of a reply, with a group.
    private func server() -> LocalServer {
        var server = LocalServer()
        for stream in ["a", "b"] {
            for number in 1...5 { _ = server.run("XADD \(stream) \(number)-0 f \(number)") }
            _ = server.run("XGROUP CREATE \(stream) g 0")
        }
        return server
    }

    /// How many entries of each stream a reply has.
    private func counts(_ value: ReplyValue?) -> [Int] {
        guard case .array(let streams)? = value else { return [] }
        return streams.map { stream in
            guard case .array(let pair) = stream, case .array(let entries)? = pair.last else { return -1 }
            return entries.count
        }
    }

    private static let limits: [(options: String, counts: [Int])] = [
        ("MAXCOUNT 7", [5, 2]), ("COUNT 3 MAXCOUNT 4", [3, 1]), ("MAXCOUNT 2", [2]), ("MAXCOUNT 5", [5]),
        ("MAXCOUNT 100", [5, 5]), ("MAXSIZE 1", [1]), ("MAXSIZE 31", [1]), ("MAXSIZE 32", [2]), ("MAXSIZE 155", [5]),
        ("MAXSIZE 156", [5, 1]), ("COUNT 2 MAXSIZE 94", [2, 2]), ("MAXSIZE 1000 MAXCOUNT 6", [5, 1]),
        ("MAXCOUNT 6 COUNT 0", [5, 1]),
    ]

    @Test(arguments: limits) func allStreamsTogether(options: String, counts: [Int]) {
        var server = server()
        #expect(self.counts(server.run("XREAD \(options) STREAMS a b 0 0")) == counts)
        #expect(self.counts(server.run("XREADGROUP GROUP g c \(options) STREAMS a b > >")) == counts)
        // What wasn't handed over is not pending, and comes next.
        for (stream, count) in zip(["a", "b"], counts + [0]) {
            #expect(notation(server.run("XPENDING \(stream) g")).hasPrefix(count > 0 ? "*[:\(count)," : "*[:0,"))
        }
        _ = server.run("XREADGROUP GROUP g c STREAMS a b > >")
        #expect(self.counts(server.run("XREADGROUP GROUP g c \(options) STREAMS a b 0 0")) == counts)
    }

    @Test func oneEntryComesToWhoWaits() {
        var server = server()
        #expect(server.run("XREAD BLOCK 0 MAXSIZE 1 STREAMS a b 5 5", client: 2) == nil)
        _ = server.run("XADD b 6-0 f 6")
        #expect(counts(server.late(2)) == [1])
    }

    @Test(arguments: [
        ("MAXCOUNT 0", "-ERR MAXCOUNT must be a positive integer"),
        ("MAXSIZE -1", "-ERR MAXSIZE must be a positive integer"),
        ("MAXSIZE x", "-ERR MAXSIZE must be a positive integer"),
        ("COUNT 3 MAXCOUNT 2", "-ERR MAXCOUNT must not be less than COUNT"),
        ("MAXCOUNT 2 COUNT 3", "-ERR MAXCOUNT must not be less than COUNT"),
    ]) func refuses(options: String, reply: String) {
        var server = server()
        #expect(notation(server.run("XREAD \(options) STREAMS a 0")) == reply)
        #expect(notation(server.run("XREADGROUP GROUP g c \(options) STREAMS a >")) == reply)
    }

    /// A reply in pieces, of blocks that were not in memory.
    @Test(arguments: limits) func theSameOfWhatIsBroughtBack(options: String, counts: [Int]) {
        var server = EvictingServer(budgetBytes: 0)
        server.run("CONFIG SET stream-node-max-entries 2")
        for stream in ["a", "b"] {
            for number in 1...5 { server.run("XADD \(stream) \(number)-0 f \(number)") }
        }
        server.checkpoint(isWritten: true)
        while server.keyspace.evictBlocks(reserving: 0) {}
        let reply = server.run("XREAD \(options) STREAMS a b 0 0")
        #expect(server.pieces > 0)
        #expect(self.counts(LocalServer.value(reply)) == counts)
    }
}
