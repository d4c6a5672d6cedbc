// SPDX-License-Identifier: Apache-2.0

import CMartletNghttp2

/// Whether the fields of a request are well formed. Source: RFC 9113 §8.2 and §8.3.
///
/// It stands in for nghttp2's own check of messages, which is switched off on servers: that one refuses an `:authority`
/// with a slash, and etcdctl 3.4 sends the whole URL there (`http://127.0.0.1:2379`). The fields
/// are checked as strictly; that a body is as long as `content-length` says is not, for gRPC's messages have lengths of
/// their own.
struct RequestFieldRules {
    private enum Pseudo: UInt8 {
        case method = 1
        case scheme = 2
        case authority = 4
        case path = 8

        init?(_ name: UnsafeRawBufferPointer) {
            if HeaderBlock.isEqual(name, ":method") {
                self = .method
            } else if HeaderBlock.isEqual(name, ":scheme") {
                self = .scheme
            } else if HeaderBlock.isEqual(name, ":authority") {
                self = .authority
            } else if HeaderBlock.isEqual(name, ":path") {
                self = .path
            } else {
                return nil
            }
        }
    }

    private static let required = Pseudo.method.rawValue | Pseudo.scheme.rawValue | Pseudo.path.rawValue

    private var seen: UInt8 = 0
    private var isBehindPseudo: Bool
    private let isTrailers: Bool

    init(isTrailers: Bool) {
        self.isTrailers = isTrailers
        self.isBehindPseudo = isTrailers
    }

    /// A request has said what it must.
    var isComplete: Bool { self.isTrailers || self.seen & Self.required == Self.required }

    /// Whether this field may stand here.
    mutating func allows(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool {
        let nameBytes = name.baseAddress?.assumingMemoryBound(to: UInt8.self)
        let valueBytes = value.baseAddress?.assumingMemoryBound(to: UInt8.self)
        guard nghttp2_check_header_name(nameBytes, name.count) != 0,
            value.isEmpty || nghttp2_check_header_value(valueBytes, value.count) != 0
        else { return false }
        guard name.first == UInt8(ascii: ":") else {
            self.isBehindPseudo = true
            return !Self.isConnectionSpecific(name, value)
        }
        guard !self.isBehindPseudo, !value.isEmpty, let pseudo = Pseudo(name), self.seen & pseudo.rawValue == 0 else {
            return false
        }
        self.seen |= pseudo.rawValue
        return true
    }

    /// Fields of HTTP/1.1 connections, which HTTP/2 forbids.
    private static func isConnectionSpecific(
        _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
    ) -> Bool {
        switch name.count {
        case 2: HeaderBlock.isEqual(name, "te") && !HeaderBlock.isEqual(value, "trailers")
        case 7: HeaderBlock.isEqual(name, "upgrade")
        case 10: HeaderBlock.isEqual(name, "connection") || HeaderBlock.isEqual(name, "keep-alive")
        case 16: HeaderBlock.isEqual(name, "proxy-connection")
        case 17: HeaderBlock.isEqual(name, "transfer-encoding")
        default: false
        }
    }
}
