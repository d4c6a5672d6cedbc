// SPDX-License-Identifier: Apache-2.0

import MartletHTTP2Session
import Testing

@Suite struct Base64Tests {
    @Test(arguments: [
        ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"),
        ("foobar", "Zm9vYmFy"),
    ])
    func vectorsOfTheRFC(_ plain: String, _ encoded: String) {
        #expect(Base64.encode(Array(plain.utf8)) == encoded)
        #expect(Base64.decode(encoded) == Array(plain.utf8))
        let padded = encoded + String(repeating: "=", count: (4 - encoded.utf8.count % 4) % 4)
        #expect(Base64.decode(padded) == Array(plain.utf8))
    }

    @Test func everyByteComesBack() {
        let bytes = (0...255).map(UInt8.init)
        for length in 0...256 {
            let part = Array(bytes.prefix(length))
            #expect(Base64.decode(Base64.encode(part)) == part)
        }
    }

    @Test(arguments: ["Z", "Zm9vY", "Zm 9", "Zm9v\n", "Z=g", "=Zg=", "ä"])
    func refusesWhatIsNoBase64(_ text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test func readsTheURLSafeAlphabetToo() {
        #expect(Base64.decode("-_-_") == [0xfb, 0xff, 0xbf])
        #expect(Base64.decode("+/+/") == [0xfb, 0xff, 0xbf])
    }
}
