// SPDX-License-Identifier: Apache-2.0

/// Why bytes are no message of the DNS.
package struct DNSMalformed: Error, Hashable, Sendable {
    package let reason: String
}

extension DNSMessage {
    /// The most questions and records that are read of one message. A message over TCP has room for five thousand; no
    /// service has as many nodes behind one name.
    package static let maximumRecords = 4096

    /// Reads a message; anything may come in.
    ///
    /// A compressed name may only point further and further back: so every name has an end.
    package init(_ bytes: [UInt8]) throws(DNSMalformed) {
        self.init()
        var reader = DNSReader(bytes)
        self.id = try reader.word()
        self.flags = Flags(rawValue: try reader.word())
        let counts = (try reader.word(), try reader.word(), try reader.word(), try reader.word())
        let sum = Int(counts.0) + Int(counts.1) + Int(counts.2) + Int(counts.3)
        guard sum <= Self.maximumRecords else { throw DNSMalformed(reason: "\(sum) records") }
        for _ in 0..<counts.0 {
            let name = try reader.name()
            let type = DNSType(rawValue: try reader.word())
            let klass = try reader.word()
            self.questions.append(DNSQuestion(name, type, wantsUnicast: klass & 0x8000 != 0))
        }
        self.answers = try reader.records(counts.1)
        self.authorities = try reader.records(counts.2)
        self.additionals = try reader.records(counts.3)
    }
}

/// Reads from the front of a message.
struct DNSReader {
    private let bytes: [UInt8]
    private var offset = 0

    /// Labels of a name, each of one byte, that fit into its 255 bytes.
    private static let maximumLabels = 127

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func byte() throws(DNSMalformed) -> UInt8 {
        guard self.offset < self.bytes.count else { throw DNSMalformed(reason: "cut off") }
        defer { self.offset += 1 }
        return self.bytes[self.offset]
    }

    mutating func word() throws(DNSMalformed) -> UInt16 {
        let high = try self.byte()
        return UInt16(high) << 8 | UInt16(try self.byte())
    }

    mutating func take(_ count: Int) throws(DNSMalformed) -> [UInt8] {
        guard count <= self.bytes.count - self.offset else { throw DNSMalformed(reason: "cut off") }
        defer { self.offset += count }
        return Array(self.bytes[self.offset..<(self.offset + count)])
    }

    mutating func name() throws(DNSMalformed) -> DNSName {
        var labels: [String] = []
        var length = 1
        var place = self.offset
        /// Where the bytes of the name itself end; behind the first pointer.
        var end: Int?
        /// A pointer must lead to before this.
        var limit = self.offset
        while true {
            guard place < self.bytes.count else { throw DNSMalformed(reason: "name cut off") }
            let head = self.bytes[place]
            switch head & 0xC0 {
            case 0 where head == 0:
                self.offset = end ?? place + 1
                return DNSName(labels: labels)
            case 0:
                let (start, stop) = (place + 1, place + 1 + Int(head))
                guard stop <= self.bytes.count else { throw DNSMalformed(reason: "label cut off") }
                length += Int(head) + 1
                guard length <= DNSName.maximumBytes, labels.count < Self.maximumLabels else {
                    throw DNSMalformed(reason: "name too long")
                }
                labels.append(String(decoding: self.bytes[start..<stop], as: UTF8.self))
                place = stop
            case 0xC0:
                guard place + 1 < self.bytes.count else { throw DNSMalformed(reason: "pointer cut off") }
                let target = Int(head & 0x3F) << 8 | Int(self.bytes[place + 1])
                guard target < limit else { throw DNSMalformed(reason: "pointer forward") }
                if end == nil { end = place + 2 }
                limit = target
                place = target
            default:
                throw DNSMalformed(reason: "label of an unknown kind")
            }
        }
    }

    mutating func records(_ count: UInt16) throws(DNSMalformed) -> [DNSRecord] {
        var records: [DNSRecord] = []
        for _ in 0..<count {
            let name = try self.name()
            let type = DNSType(rawValue: try self.word())
            let klass = try self.word()
            let ttl = UInt32(try self.word()) << 16 | UInt32(try self.word())
            let length = Int(try self.word())
            guard length <= self.bytes.count - self.offset else { throw DNSMalformed(reason: "record cut off") }
            let end = self.offset + length
            let content = try self.content(type, length: length, end: end)
            guard self.offset <= end else { throw DNSMalformed(reason: "record longer than it says") }
            self.offset = end
            records.append(
                DNSRecord(name, ttlSeconds: ttl, flushesCache: type != .opt && klass & 0x8000 != 0, content))
        }
        return records
    }

    private mutating func content(_ type: DNSType, length: Int, end: Int) throws(DNSMalformed) -> DNSRecord.Content {
        switch type {
        case .a where length == 4: return .a(try self.take(4))
        case .aaaa where length == 16: return .aaaa(try self.take(16))
        case .ptr: return .ptr(try self.name())
        case .cname: return .cname(try self.name())
        case .srv:
            return .srv(
                priority: try self.word(), weight: try self.word(), port: try self.word(), target: try self.name())
        case .txt:
            var strings: [[UInt8]] = []
            while self.offset < end {
                let count = Int(try self.byte())
                guard count <= end - self.offset else { throw DNSMalformed(reason: "string cut off") }
                strings.append(try self.take(count))
            }
            // A record without any string isn't allowed; one empty string stands for it.
            return .txt(strings.isEmpty ? [[]] : strings)
        default: return .other(type, try self.take(length))
        }
    }
}
