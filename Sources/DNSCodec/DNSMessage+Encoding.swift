// SPDX-License-Identifier: Apache-2.0

extension DNSMessage {
    /// The class of everything that is written.
    static let classIN: UInt16 = 1
    /// The largest answer that is asked for in a datagram: it passes every usual link in one piece.
    package static let ednsBytes: UInt16 = 1232

    /// The message's bytes. Names aren't compressed: messages of ours are short.
    ///
    /// - Returns: `nil` when a name or a string is too long to be written.
    package func encoded() -> [UInt8]? {
        var writer = Writer()
        writer.word(self.id)
        writer.word(self.flags.rawValue)
        for count in [self.questions.count, self.answers.count, self.authorities.count, self.additionals.count] {
            guard let count = UInt16(exactly: count) else { return nil }
            writer.word(count)
        }
        for question in self.questions {
            writer.name(question.name)
            writer.word(question.type.rawValue)
            writer.word(Self.classIN | (question.wantsUnicast ? 0x8000 : 0))
        }
        for record in self.records { writer.record(record) }
        return writer.isBroken ? nil : writer.bytes
    }

    private struct Writer {
        var bytes: [UInt8] = []
        var isBroken = false

        mutating func word(_ value: UInt16) {
            self.bytes.append(UInt8(value >> 8))
            self.bytes.append(UInt8(truncatingIfNeeded: value))
        }

        mutating func name(_ name: DNSName) {
            guard name.isValid else {
                self.isBroken = true
                return
            }
            for label in name.labels {
                self.bytes.append(UInt8(label.utf8.count))
                self.bytes.append(contentsOf: label.utf8)
            }
            self.bytes.append(0)
        }

        mutating func record(_ record: DNSRecord) {
            self.name(record.name)
            self.word(record.type.rawValue)
            let isPseudo = record.type == .opt
            self.word(isPseudo ? DNSMessage.ednsBytes : DNSMessage.classIN | (record.flushesCache ? 0x8000 : 0))
            self.word(UInt16(record.ttlSeconds >> 16))
            self.word(UInt16(truncatingIfNeeded: record.ttlSeconds))
            let lengthAt = self.bytes.count
            self.word(0)
            self.content(record.content)
            guard let length = UInt16(exactly: self.bytes.count - lengthAt - 2) else {
                self.isBroken = true
                return
            }
            self.bytes[lengthAt] = UInt8(length >> 8)
            self.bytes[lengthAt + 1] = UInt8(truncatingIfNeeded: length)
        }

        private mutating func content(_ content: DNSRecord.Content) {
            switch content {
            case .a(let address):
                if address.count != 4 { self.isBroken = true }
                self.bytes.append(contentsOf: address)
            case .aaaa(let address):
                if address.count != 16 { self.isBroken = true }
                self.bytes.append(contentsOf: address)
            case .ptr(let name), .cname(let name):
                self.name(name)
            case .srv(let priority, let weight, let port, let target):
                self.word(priority)
                self.word(weight)
                self.word(port)
                self.name(target)
            case .txt(let strings):
                // A record without any string isn't allowed: one empty string stands for it.
                for string in strings.isEmpty ? [[]] : strings {
                    guard let count = UInt8(exactly: string.count) else {
                        self.isBroken = true
                        return
                    }
                    self.bytes.append(count)
                    self.bytes.append(contentsOf: string)
                }
            case .other(_, let bytes):
                self.bytes.append(contentsOf: bytes)
            }
        }
    }
}
