// SPDX-License-Identifier: Apache-2.0

import MartletHTTP2Session

extension GRPCStatus {
    /// `grpc-status: 0` and nothing else: the trailers of nearly every call.
    static let okTrailers: HeaderBlock = ["grpc-status": "0"]

    /// The trailers that carry this status, `extra` first.
    func trailerBlock(extra: HeaderBlock = HeaderBlock()) -> HeaderBlock {
        if self.code == .ok, self.message.isEmpty, extra.isEmpty, self.trailers.isEmpty { return Self.okTrailers }
        var block = extra
        block.append("grpc-status", String(self.code.rawValue))
        if !self.message.isEmpty { block.append("grpc-message", PercentCoding.encode(self.message)) }
        block.append(contentsOf: self.trailers)
        return block
    }

    /// The status that trailers carry, or `nil` when they have no readable `grpc-status`.
    init?(trailers: HeaderBlock) {
        guard let text = trailers.first("grpc-status"), let code = Int(text) else { return nil }
        self.init(
            GRPCStatusCode(rawValue: code), trailers.first("grpc-message").map(PercentCoding.decode) ?? "",
            trailers: trailers)
    }

    /// The status that stands for a response without one. Source: gRPC, doc/http-grpc-status-mapping.
    init(httpStatus: String) {
        let code: GRPCStatusCode =
            switch httpStatus {
            case "400": .internalError
            case "401": .unauthenticated
            case "403": .permissionDenied
            case "404": .unimplemented
            case "429", "502", "503", "504": .unavailable
            default: .unknown
            }
        self.init(code, "unexpected HTTP status code received from server: \(httpStatus)")
    }

    /// The status that stands for a reset stream. Source: gRPC over HTTP/2, Errors.
    init(reset code: HTTP2ErrorCode) {
        let status: GRPCStatusCode =
            switch code {
            case .refusedStream: .unavailable
            case .cancel: .cancelled
            case .enhanceYourCalm: .resourceExhausted
            case .inadequateSecurity: .permissionDenied
            default: .internalError
            }
        self.init(status, "stream terminated by RST_STREAM with error code: \(code.rawValue)")
        self.wasNotProcessed = code == .refusedStream
    }
}

/// The percent-encoding of `grpc-message`: bytes outside printable ASCII, and `%`, become `%XX`.
///
/// Source: gRPC over HTTP/2, Status-Message.
package enum PercentCoding {
    private static let digits = Array("0123456789ABCDEF".utf8)

    package static func encode(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { $0 >= 0x20 && $0 <= 0x7e && $0 != UInt8(ascii: "%") }
        if isPlain { return text }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count * 3)
        for byte in text.utf8 {
            if byte >= 0x20, byte <= 0x7e, byte != UInt8(ascii: "%") {
                bytes.append(byte)
            } else {
                bytes.append(UInt8(ascii: "%"))
                bytes.append(self.digits[Int(byte >> 4)])
                bytes.append(self.digits[Int(byte & 15)])
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Never fails: what is no escape stays as it is, and bytes that are no UTF-8 are replaced.
    package static func decode(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return text }
        let source = Array(text.utf8)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(source.count)
        var index = 0
        while index < source.count {
            if source[index] == UInt8(ascii: "%"), index + 2 < source.count,
                let high = self.value(source[index + 1]), let low = self.value(source[index + 2])
            {
                bytes.append(high << 4 | low)
                index += 3
            } else {
                bytes.append(source[index])
                index += 1
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
