// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire
import MartletHTTP2Session
import NIOCore

/// The parsers, with what must hold of their results. A violated rule is a trap, which the run reports as a crash.
enum ParserTargets {
    static let maximumBytes = 64 << 10

    /// What comes out does not depend on how the input was cut.
    static func assembler(_ pieces: [ArraySlice<UInt8>], whole: [UInt8]) {
        let cut = self.assemble(pieces)
        let once = self.assemble([whole[...]])
        precondition(cut == once, "the assembler depends on how its input was cut")
    }

    private static func assemble(_ pieces: [ArraySlice<UInt8>]) -> [[UInt8]] {
        var assembler = MessageAssembler(maximumBytes: self.maximumBytes)
        var messages: [[UInt8]] = []
        for piece in pieces {
            let isBroken = piece.withUnsafeBytes { bytes in
                var rest = bytes
                do {
                    while let message = try assembler.next(&rest) { messages.append(message.bytes) }
                    precondition(rest.isEmpty, "the assembler left bytes behind")
                    return false
                } catch {
                    return true
                }
            }
            if isBroken { break }
        }
        precondition(messages.allSatisfy { $0.count <= self.maximumBytes })
        return messages
    }

    static func gzip(_ input: [UInt8]) {
        if let output = try? Gzip.decompress(input, maximumBytes: self.maximumBytes) {
            precondition(output.count <= self.maximumBytes)
        }
        if input.count < 512 {
            let packed = Gzip.compress(input)
            precondition((try? Gzip.decompress(packed, maximumBytes: input.count)) == input)
        }
    }

    static func percent(_ input: [UInt8]) {
        let text = String(decoding: input, as: UTF8.self)
        _ = PercentCoding.decode(text)
        let encoded = PercentCoding.encode(text)
        precondition(encoded.utf8.allSatisfy { $0 >= 0x20 && $0 <= 0x7e })
        precondition(PercentCoding.decode(encoded) == text)
    }

    static func base64(_ input: [UInt8]) {
        precondition(Base64.decode(Base64.encode(input)) == input)
        if let bytes = Base64.decode(String(decoding: input, as: UTF8.self)) {
            precondition(bytes.count <= input.count)
        }
    }

    static func timeout(_ input: [UInt8]) {
        input.withUnsafeBytes { bytes in
            if let amount = CallTimeout.parseGRPC(bytes) {
                precondition(amount.nanoseconds >= 0)
                let text = Array(CallTimeout.formatGRPC(amount).utf8)
                precondition(text.count <= 9)
                precondition(text.withUnsafeBytes { CallTimeout.parseGRPC($0) }.map { $0 <= amount } == true)
            }
            if let amount = CallTimeout.parseMicro(bytes) { precondition(amount.nanoseconds > 0) }
        }
    }

    static func contentType(_ input: [UInt8]) {
        input.withUnsafeBytes { bytes in
            guard let subtype = ContentType.subtype(bytes) else { return }
            precondition(input.count >= ContentType.base.utf8.count)
            let again = Array(ContentType.value(subtype: subtype).utf8)
            precondition(again.withUnsafeBytes { ContentType.subtype($0) } == subtype)
        }
    }
}
