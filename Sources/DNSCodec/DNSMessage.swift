// SPDX-License-Identifier: Apache-2.0

/// A message of the DNS, unicast or multicast. Source: RFC 1035 §4, RFC 6762 §18.
package struct DNSMessage: Sendable, Hashable {
    package var id: UInt16 = 0
    package var flags = Flags()
    package var questions: [DNSQuestion] = []
    package var answers: [DNSRecord] = []
    package var authorities: [DNSRecord] = []
    package var additionals: [DNSRecord] = []

    package init() {}

    /// The second word of a message's head.
    package struct Flags: Sendable, Hashable {
        package var rawValue: UInt16

        package init(rawValue: UInt16 = 0) { self.rawValue = rawValue }

        package var isResponse: Bool {
            get { self.rawValue & 0x8000 != 0 }
            set { self.rawValue = newValue ? self.rawValue | 0x8000 : self.rawValue & ~0x8000 }
        }
        /// 0 for an ordinary query.
        package var operation: UInt8 { UInt8(self.rawValue >> 11 & 0xF) }
        package var isAuthoritative: Bool {
            get { self.rawValue & 0x0400 != 0 }
            set { self.rawValue = newValue ? self.rawValue | 0x0400 : self.rawValue & ~0x0400 }
        }
        /// The answer was longer than the datagram: ask again over TCP.
        package var isTruncated: Bool {
            get { self.rawValue & 0x0200 != 0 }
            set { self.rawValue = newValue ? self.rawValue | 0x0200 : self.rawValue & ~0x0200 }
        }
        package var wantsRecursion: Bool {
            get { self.rawValue & 0x0100 != 0 }
            set { self.rawValue = newValue ? self.rawValue | 0x0100 : self.rawValue & ~0x0100 }
        }
        /// 0 for no error, 3 for a name that doesn't exist.
        package var responseCode: UInt8 {
            get { UInt8(self.rawValue & 0xF) }
            set { self.rawValue = self.rawValue & ~0xF | UInt16(newValue & 0xF) }
        }
    }

    /// All records, whichever section they stand in.
    package var records: [DNSRecord] { self.answers + self.authorities + self.additionals }
}

/// The type of a record. Source: IANA, "Domain Name System (DNS) Parameters".
package struct DNSType: RawRepresentable, Sendable, Hashable {
    package var rawValue: UInt16

    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let a = DNSType(rawValue: 1)
    package static let cname = DNSType(rawValue: 5)
    package static let ptr = DNSType(rawValue: 12)
    package static let txt = DNSType(rawValue: 16)
    package static let aaaa = DNSType(rawValue: 28)
    package static let srv = DNSType(rawValue: 33)
    package static let opt = DNSType(rawValue: 41)
    package static let any = DNSType(rawValue: 255)
}

package struct DNSQuestion: Sendable, Hashable {
    package var name: DNSName
    package var type: DNSType
    /// Multicast only: the answer may come by unicast.
    package var wantsUnicast: Bool

    package init(_ name: DNSName, _ type: DNSType, wantsUnicast: Bool = false) {
        self.name = name
        self.type = type
        self.wantsUnicast = wantsUnicast
    }
}

/// One resource record of the class IN, or an EDNS0 pseudo-record.
package struct DNSRecord: Sendable, Hashable {
    package enum Content: Sendable, Hashable {
        /// Four bytes.
        case a([UInt8])
        /// Sixteen bytes.
        case aaaa([UInt8])
        case ptr(DNSName)
        case cname(DNSName)
        case srv(priority: UInt16, weight: UInt16, port: UInt16, target: DNSName)
        /// Strings of at most 255 bytes each.
        case txt([[UInt8]])
        case other(DNSType, [UInt8])
    }

    package var name: DNSName
    package var ttlSeconds: UInt32
    /// Multicast only: this replaces what is known under the name and type. For a pseudo-record the class is the
    /// largest datagram, which ``DNSMessage/encoded()`` writes.
    package var flushesCache: Bool
    package var content: Content

    package init(_ name: DNSName, ttlSeconds: UInt32, flushesCache: Bool = false, _ content: Content) {
        self.name = name
        self.ttlSeconds = ttlSeconds
        self.flushesCache = flushesCache
        self.content = content
    }

    package var type: DNSType {
        switch self.content {
        case .a: .a
        case .aaaa: .aaaa
        case .ptr: .ptr
        case .cname: .cname
        case .srv: .srv
        case .txt: .txt
        case .other(let type, _): type
        }
    }
}
