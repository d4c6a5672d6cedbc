// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyspace
import MartletRESPCodec
import MartletStreams
import Testing

@Suite struct DumpTests {
    /// Behind all moments in the payloads.
    private static let now: Int64 = 1_800_000_000_000

    private static func server() -> LocalServer {
        var server = LocalServer()
        server.now = now
        return server
    }

    private static func restore(
        _ server: inout LocalServer, _ key: String, _ payload: [UInt8], _ options: String...
    ) -> String {
        let words = [Array("RESTORE".utf8), Array(key.utf8), Array("0".utf8), payload] + options.map { Array($0.utf8) }
        return notation(server.run(Arguments(words)))
    }

    private static func dump(_ server: inout LocalServer, _ key: String) throws -> [UInt8] {
        guard case .bulk(let bytes) = server.run("DUMP \(key)") else { throw Missing() }
        return bytes
    }

    private struct Missing: Error {}

    /// With version and checksum made anew.
    private static func finished(_ content: [UInt8], version: UInt8 = 10) -> [UInt8] {
        let bytes = content + [version, 0]
        let sum = CRC64.checksum(bytes[...])
        return bytes + (0..<8).map { UInt8(truncatingIfNeeded: sum >> UInt64($0 * 8)) }
    }

    @Test func checksums() {
        #expect(CRC64.checksum(Array("123456789".utf8)[...]) == 0xE9C6_D914_C4B8_D9CA)
        #expect(CRC64.checksum([]) == 0)
    }

    // MARK: From the original

    @Test(arguments: [
        ("int8", "GET k", "$\"10\""), ("int16", "GET k", "$\"-300\""), ("int32", "GET k", "$\"1234567890\""),
        ("digits", "GET k", "$\"12345678901\""), ("text", "GET k", "$\"hello\""),
        ("lzf", "STRLEN k", ":120"), ("lzf", "GETRANGE k 117 -1", "$\"abc\""),
        ("list", "LRANGE k 4 -1", "*[$\"100000\", $\"9223372036854775807\", $\"-70000\", $\"3000000000\"]"),
        ("list", "LRANGE k 0 2", "*[$\"a\", $\"-5\", $\"4096\"]"), ("list", "LLEN k", ":8"),
        ("intset2", "SMEMBERS k", "*[$\"-3\", $\"1\", $\"2\"]"), ("intset4", "SMEMBERS k", "*[$\"1\", $\"70000\"]"),
        ("intset8", "SMEMBERS k", "*[$\"1\", $\"5000000000\"]"), ("set", "SMEMBERS k", "*[$\"a\"]"),
    ])
    func readsWhatRedisWrites(name: String, command: String, expected: String) {
        var server = Self.server()
        #expect(Self.restore(&server, "k", DumpPayloads.bytes(name)) == "+OK")
        #expect(notation(server.run(command)) == expected)
    }

    @Test(arguments: ["stream15", "stream", "stream21"]) func readsStreams(name: String) {
        var server = Self.server()
        func run(_ line: String) -> String { notation(server.run(line)) }
        #expect(Self.restore(&server, "s", DumpPayloads.bytes(name)) == "+OK")
        #expect(
            run("XRANGE s - +")
                == """
                *[*[$"5-1", *[$"f", $"v", $"n", $"7"]], *[$"9-0", *[$"g", $"z"]], \
                *[$"12-3", *[$"f", $"x", $"n", $"abc"]]]
                """)
        #expect(run("XPENDING s g") == "*[:2, $\"5-1\", $\"9-0\", *[*[$\"c\", $\"2\"]]]")
        let infos = run("XINFO STREAM s")
        #expect(infos.contains("$\"last-generated-id\", $\"12-3\""))
        #expect(infos.contains(name == "stream15" ? "$\"entries-added\", :3" : "$\"entries-added\", :4"))
        #expect(infos.contains("$\"max-deleted-entry-id\", $\"\(name == "stream15" ? "0-0" : "5-2")\""))
        let groups = run("XINFO GROUPS s")
        #expect(groups.contains("$\"empty\"") && groups.contains("$\"last-delivered-id\", $\"9-0\""))
        #expect(groups.contains("$\"entries-read\", :3") == (name == "stream15"))
        let consumers = run("XINFO CONSUMERS s g")
        #expect(consumers.contains("$\"idle\"") && consumers.contains("$\"c\""))
        #expect(consumers.contains("$\"inactive\", :-1") == (name == "stream21"))
        // What follows goes on from there.
        #expect(run("XADD s 12-* f v") == "$\"12-4\"" && run("XREADGROUP GROUP g c STREAMS s >").contains("12-3"))
        #expect(run("XACK s g 5-1") == ":1")
    }

    /// The same bytes, where the original neither compresses nor keeps what is deleted.
    @Test(arguments: ["int8", "int16", "int32", "digits", "text", "intset2", "intset4", "set", "emptystream"])
    func writesWhatRedisWrites(name: String) throws {
        var server = Self.server()
        let payload = DumpPayloads.bytes(name)
        #expect(Self.restore(&server, "k", payload) == "+OK")
        #expect(try Self.dump(&server, "k") == payload)
    }

    @Test func options() {
        var server = Self.server()
        let payload = DumpPayloads.bytes("text")
        #expect(Self.restore(&server, "k", payload) == "+OK")
        #expect(Self.restore(&server, "k", payload) == "-BUSYKEY Target key name already exists.")
        #expect(Self.restore(&server, "k", payload, "REPLACE", "FREQ", "255") == "+OK")
        #expect(Self.restore(&server, "k", payload, "replace", "IDLETIME", "1", "FREQ", "1") == "-ERR syntax error")
        #expect(
            Self.restore(&server, "k", payload, "IDLETIME", "-1") == "-ERR Invalid IDLETIME value, must be >= 0")
        #expect(
            Self.restore(&server, "k", payload, "FREQ", "256") == "-ERR Invalid FREQ value, must be >= 0 and <= 255")
        #expect(Self.restore(&server, "k", payload, "FREQ") == "-ERR syntax error")
        func run(_ words: [UInt8]...) -> String { notation(server.run(Arguments([Array("RESTORE".utf8)] + words))) }
        func word(_ text: String) -> [UInt8] { Array(text.utf8) }
        #expect(run(word("t"), word("-1"), payload) == "-ERR Invalid TTL value, must be >= 0")
        #expect(run(word("t"), word("x"), payload) == "-ERR value is not an integer or out of range")
        #expect(run(word("t"), word("5000"), payload) == "+OK")
        #expect(notation(server.run("TTL t")) == ":5")
        #expect(run(word("t"), word("\(server.now + 9000)"), payload, word("ABSTTL"), word("REPLACE")) == "+OK")
        #expect(notation(server.run("TTL t")) == ":9")
        #expect(run(word("t"), word("1"), payload, word("ABSTTL"), word("REPLACE")) == "+OK")
        #expect(notation(server.run("EXISTS t")) == ":0")
        #expect(run(word("t"), word("9223372036854775807"), payload) == "+OK")
        #expect(notation(server.run("EXISTS t")) == ":1")
    }

    @Test func refusals() {
        var server = Self.server()
        let wrong = "-ERR DUMP payload version or checksum are wrong"
        let bad = "-ERR Bad data format"
        let payload = DumpPayloads.bytes("stream")
        #expect(Self.restore(&server, "k", []) == wrong)
        #expect(Self.restore(&server, "k", Array("short".utf8)) == wrong)
        var damaged = payload
        damaged[20] ^= 1
        #expect(Self.restore(&server, "k", damaged) == wrong)
        let content = Array(payload.dropLast(10))
        #expect(Self.restore(&server, "k", Self.finished(content, version: 15)) == wrong)
        #expect(Self.restore(&server, "k", Self.finished(content, version: 14), "REPLACE") == "+OK")
        #expect(Self.restore(&server, "k", Self.finished(content, version: 80), "REPLACE") == "+OK")
        for (type, text) in [("hash", "hash"), ("zset", "sorted set")] {
            #expect(
                Self.restore(&server, "k", DumpPayloads.bytes(type), "REPLACE")
                    == "-ERR DUMP payload holds a \(text), a type that is not supported here")
        }
        // Nothing, an unknown type, a list and sets without items, numbers that don't rise, members that come twice.
        for content: [UInt8] in [
            [], [99], [18, 0], [2, 0], [11, 8, 2, 0, 0, 0, 0, 0, 0, 0], [11, 12, 2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 1, 0],
            [2, 2, 1, 97, 1, 97], [0, 5, 97], [0, 0xC4], [0, 0xC3, 1, 0x81, 0, 0, 0, 0, 0, 0, 0, 3, 0],
        ] {
            #expect(Self.restore(&server, "n", Self.finished(content)) == bad, "\(content)")
        }
        // A few bytes that say they are many once they are not compressed.
        let bomb: [UInt8] = [0, 0xC3, 1, 0x81, 0, 0, 0, 0x10, 0, 0, 0, 0, 0]
        #expect(Self.restore(&server, "n", Self.finished(bomb)) == "-ERR DUMP payload takes too much memory")
        #expect(notation(server.run("EXISTS n")) == ":0" && notation(server.run("EXISTS k")) == ":1")
    }

    // MARK: There and back

    /// Whatever a stream is, a restored one answers the same.
    @Test(arguments: testSeeds([1, 2, 3])) func streamsComeBackWhole(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var server = Self.server()
        if seed % 2 == 0 { _ = server.run("CONFIG SET stream-node-max-entries 3") }
        for step in 1...600 {
            let (group, consumer) = (
                ["g", "h"].randomElement(using: &random)!, ["a", "b"].randomElement(using: &random)!
            )
            let id = "\(Int.random(in: 1...step, using: &random))-0"
            let line = [
                "XADD s \(step)-\(Int.random(in: 0..<300, using: &random)) f \(step) n v", "XADD s \(step)-0 g x",
                "XADD s \(step)-7 f -1 n \"\"", "XDEL s \(id)", "XGROUP CREATE s \(group) 0",
                "XREADGROUP GROUP \(group) \(consumer) COUNT 3 STREAMS s >", "XACK s \(group) \(id)",
                "XNACK s \(group) FAIL IDS 1 \(id)", "XNACK s \(group) FATAL IDS 1 \(id) FORCE",
                "XCLAIM s \(group) \(consumer) 0 \(id)", "XREADGROUP GROUP \(group) \(consumer) STREAMS s 0",
                "XGROUP DELCONSUMER s \(group) a", "XADD s IDMP p \(id) * f v", "XTRIM s MAXLEN ~ 200",
            ].randomElement(using: &random)!
            if line.contains("* f v") { server.now = Self.now + Int64(step) }
            _ = server.run(line)
        }
        let payload = try Self.dump(&server, "s")
        #expect(Self.restore(&server, "t", payload) == "+OK")
        for question in [
            "XRANGE * - +", "XLEN *", "XPENDING * g", "XPENDING * h - + 1000", "XPENDING * g - + 1000",
            "XINFO STREAM * FULL COUNT 0", "XINFO GROUPS *", "XINFO CONSUMERS * g", "XINFO CONSUMERS * h",
        ] {
            let now = server.now
            let answers = ["s", "t"].map { key in
                server.now = now
                return notation(server.run(question.replacing("*", with: key)))
            }
            #expect(Self.withoutNodes(answers[0]) == Self.withoutNodes(answers[1]), "seed \(seed), \(question)")
        }
        #expect(try Self.dump(&server, "t") == payload)
    }

    /// Trees are cut differently.
    private static func withoutNodes(_ text: String) -> String {
        text.replacing(#/"(radix-tree-keys|radix-tree-nodes)", :\d+/#, with: "")
    }

    /// What nobody holds is nobody's again, in its order, with and without consumers.
    @Test(arguments: [false, true]) func whatIsGivenBackStaysNobodys(hasConsumer: Bool) throws {
        var server = Self.server()
        func run(_ line: String) -> String { notation(server.run(line)) }
        for number in 1...4 { _ = run("XADD s \(number)-0 f v") }
        _ = run("XGROUP CREATE s g 0")
        _ = run("XREADGROUP GROUP g c STREAMS s >")
        #expect(run("XNACK s g FAIL IDS 1 3-0") == ":1" && run("XNACK s g FAIL IDS 2 4-0 1-0") == ":2")
        #expect(run("XACK s g 2-0") == ":1")
        if !hasConsumer { _ = run("XGROUP DELCONSUMER s g c") }
        let payload = try Self.dump(&server, "s")
        #expect(Self.restore(&server, "t", payload) == "+OK")
        #expect(run("XINFO CONSUMERS t g").contains("$\"c\"") == hasConsumer)
        #expect(run("XPENDING t g") == run("XPENDING s g"))
        let now = server.now
        let order = ["s", "t"].map { key in
            server.now = now
            return run("XREADGROUP GROUP g d CLAIM 0 STREAMS \(key) >")
        }
        #expect(order[0].replacing("\"s\"", with: "\"t\"") == order[1])
        #expect(order[1].contains("3-0"))
    }

    @Test(arguments: testSeeds([9])) func otherValuesComeBackWhole(seed: UInt64) throws {
        var server = Self.server()
        var random = SeededRandom(seed: seed)
        for length in [0, 1, 11, 12, 63, 64, 4095, 4096, 16_380, 16_384, 70_000] {
            let text = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
            let bytes = Array("abc".utf8)
            _ = server.run(Arguments([Array("RPUSH".utf8), Array("l".utf8), text, bytes, text]))
            _ = server.run(Arguments([Array("SADD".utf8), Array("m".utf8), text]))
            _ = server.run(Arguments([Array("SET".utf8), Array("v".utf8), text]))
            let payload = try Self.dump(&server, "v")
            #expect(Self.restore(&server, "w", payload, "REPLACE") == "+OK")
            #expect(server.run("GET w") == .bulk(text))
        }
        for exponent in 0..<63 { _ = server.run("RPUSH l \(1 << exponent) \(-(1 << exponent)) \((1 << exponent) - 1)") }
        for key in ["l", "m"] {
            let payload = try Self.dump(&server, key)
            #expect(Self.restore(&server, key + "2", payload) == "+OK")
            #expect(try Self.dump(&server, key + "2") == payload)
        }
        #expect(server.run("LRANGE l 0 -1") == server.run("LRANGE l2 0 -1"))
    }

    // MARK: Any bytes

    /// Damaged payloads with a checksum that is right are refused, or are whole.
    @Test(arguments: testSeeds([20_261_122])) func anyBytes(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var server = Self.server()
        for number in 1...30 { _ = server.run("XADD s \(number)-0 f \(number) n v") }
        _ = server.run("XGROUP CREATE s g 0")
        _ = server.run("XREADGROUP GROUP g c COUNT 9 STREAMS s >")
        _ = server.run("XNACK s g FAIL IDS 2 3-0 4-0")
        let payloads = try DumpPayloads.all.keys.sorted().map { DumpPayloads.bytes($0) } + [Self.dump(&server, "s")]
        var (restored, refused) = (0, 0)
        for round in 0..<60_000 {
            var content = Array(payloads[round % payloads.count].dropLast(10))
            for _ in 0...Int.random(in: 0..<4, using: &random) {
                Self.damage(&content, payloads, &random)
            }
            let payload = Self.finished(content)
            do throws(DumpError) {
                let value = try DumpedValue(payload[...], emptyStream: Stream(), now: Self.now)
                restored += 1
                if case .stream(let stream) = value { #expect(stream.invariantViolation == nil, "\(payload)") }
                // What was taken can be written, and is the same again.
                let bytes = value.bytes
                let again = try DumpedValue(bytes[...], emptyStream: Stream(), now: Self.now).bytes
                #expect(again == bytes, "\(payload)")
            } catch {
                refused += 1
                #expect(error != .wrongFooter)
            }
        }
        #expect(restored > 1000 && refused > 1000)
    }

    private static func damage(_ content: inout [UInt8], _ payloads: [[UInt8]], _ random: inout SeededRandom) {
        guard let place = content.indices.randomElement(using: &random) else { return }
        switch Int.random(in: 0..<6, using: &random) {
        case 0: content[place] = [0, 1, 127, 128, 192, 195, 255].randomElement(using: &random)!
        case 1: content.remove(at: place)
        case 2: content.insert(UInt8.random(in: 0...255, using: &random), at: place)
        case 3: content.removeSubrange(place...)
        case 4:
            let other = payloads.randomElement(using: &random)!
            content.replaceSubrange(place..., with: other.suffix(Int.random(in: 0...other.count, using: &random)))
        default: content[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        }
    }

    /// Names that all entries share take their time for each: there is an end to that.
    @Test func sharedNamesAreBounded() {
        let name = [UInt8](repeating: 97, count: 500_000)
        var listpack: [UInt8] = []
        func back(_ length: Int) -> [UInt8] {
            switch length {
            case ...127: [UInt8(length)]
            default: [UInt8(length >> 14), UInt8(length >> 7 & 127) | 128, UInt8(length & 127) | 128]
            }
        }
        func number(_ value: Int) -> [UInt8] {
            value < 128 ? [UInt8(value), 1] : [0xC0 | UInt8(value >> 8), UInt8(value & 255), 2]
        }
        let entries = 4000
        listpack += number(entries) + number(0) + number(1)
        listpack += [0xF0] + (0..<4).map { UInt8(name.count >> ($0 * 8) & 255) } + name + back(name.count + 5)
        listpack += number(0)
        for entry in 0..<entries { listpack += number(2) + number(entry) + number(0) + [0x80, 1] + number(4) }
        let size = listpack.count + 7
        listpack = (0..<4).map { UInt8(size >> ($0 * 8) & 255) } + [255, 255] + listpack + [255]
        var content: [UInt8] = [19, 1, 16] + [UInt8](repeating: 0, count: 15) + [1, 0x80]
        content += (0..<4).reversed().map { UInt8(listpack.count >> ($0 * 8) & 255) } + listpack
        var server = Self.server()
        #expect(
            Self.restore(&server, "k", Self.finished(content)) == "-ERR DUMP payload takes too much memory")
    }

    /// Those who wait for a key get what is restored.
    @Test func whoeverWaitsIsServed() throws {
        var server = Self.server()
        #expect(server.run("XREAD BLOCK 0 STREAMS s 0", client: 2) == nil)
        #expect(server.run("BLPOP l 0", client: 3) == nil)
        #expect(Self.restore(&server, "s", DumpPayloads.bytes("stream")) == "+OK")
        #expect(notation(server.late(2)).contains("5-1"))
        #expect(Self.restore(&server, "l", DumpPayloads.bytes("list")) == "+OK")
        #expect(notation(server.late(3)) == "*[$\"l\", $\"a\"]")
    }
}
