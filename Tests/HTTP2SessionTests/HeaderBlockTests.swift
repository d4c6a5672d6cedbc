// SPDX-License-Identifier: Apache-2.0

import MartletHTTP2Session
import Testing

@Suite struct HeaderBlockTests {
    @Test func keepsOrderAndRepetitions() {
        var block: HeaderBlock = ["a": "1", "b": "2"]
        block.append("a", "3")
        var fields: [String] = []
        block.forEach { fields.append("\($0)=\($1)") }
        #expect(fields == ["a=1", "b=2", "a=3"])
        #expect(block.count == 3)
        #expect(block.values("a") == ["1", "3"])
        #expect(block.joined("a") == "1, 3")
        #expect(block.first("a") == "1")
        #expect(block.first("c") == nil)
        #expect(block.joined("c") == nil)
        #expect(block.contains("b"))
        #expect(!block.contains("B"))
    }

    @Test func lowersNamesButNotValues() {
        var block = HeaderBlock()
        block.append("X-Größe", "WERT Ä")
        #expect(block.first("x-größe") == "WERT Ä")
    }

    @Test func emptyNamesAndValues() {
        var block = HeaderBlock()
        #expect(block.isEmpty)
        block.append("", "")
        block.append("x", "")
        #expect(block.first("") == "")
        #expect(block.first("x") == "")
        #expect(block.count == 2)
    }

    @Test func longNameIsCut() {
        var block = HeaderBlock()
        block.append(String(repeating: "N", count: 70_000), "v")
        #expect(block.first(String(repeating: "n", count: 65_535)) == "v")
        block.append("after", "w")
        #expect(block.first("after") == "w")
    }

    @Test func countsLikeHTTP2() {
        let block: HeaderBlock = ["abc": "de", "f": ""]
        #expect(block.listBytes == (3 + 2 + 32) + (1 + 32))
    }

    @Test func binaryFieldsTravelAsBase64() {
        var block = HeaderBlock()
        block.append("x-bin", binary: [0, 0xff, 0x10])
        #expect(block.first("x-bin") == "AP8Q")
        #expect(block.binary("x-bin") == [0, 0xff, 0x10])
        block.append("y-bin", "not base64!")
        #expect(block.binary("y-bin") == nil)
        #expect(block.binary("z-bin") == nil)
    }

    @Test func appendsAnotherBlock() {
        var block: HeaderBlock = ["a": "1"]
        block.append(contentsOf: ["b": "2", "c": "3"])
        #expect(block == (["a": "1", "b": "2", "c": "3"] as HeaderBlock))
        #expect(block.count == 3)
        block.removeAll()
        #expect(block.isEmpty)
        #expect(block.first("a") == nil)
    }

    @Test(arguments: [
        ("gzip", true), ("identity, deflate,gzip", true), ("gzip , identity", true), (" ,, gzip,", true), ("", false),
        ("identity", false), ("xgzip", false), ("gzip2,gzi,gz ip", false), (",", false),
    ]) func findsANameInAList(list: String, isListed: Bool) {
        let found = Array(list.utf8).withUnsafeBytes { HeaderBlock.isListed("gzip", in: $0) }
        #expect(found == isListed)
    }
}
