// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import MartletHTTP2Session

/// Header fields that belong to the wire, not to the calls: never taken from metadata, and not shown in it.
private enum WireFields {
    static let names: Set<String> = [
        "connection", "content-type", "grpc-accept-encoding", "grpc-encoding", "grpc-message", "grpc-status",
        "grpc-timeout", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade",
    ]

    static func contains(_ name: String) -> Bool {
        name.hasPrefix(":") || self.names.contains(name)
    }
}

extension HeaderBlock {
    /// The fields that `metadata` becomes; binary values as base64 without padding.
    init(_ metadata: Metadata) {
        self.init()
        for (key, value) in metadata where !WireFields.contains(key.lowercased()) {
            switch value {
            case .string(let text): self.append(key, text)
            case .binary(let bytes): self.append(key, binary: bytes)
            }
        }
    }
}

extension Metadata {
    /// What the headers or trailers of a call say beside what the wire itself needed.
    ///
    /// Values of names ending in `-bin` are decoded; those joined by commas come apart. What is not base64 stays text.
    /// Source: gRPC over HTTP/2, Custom-Metadata.
    init(_ block: HeaderBlock) {
        self.init()
        block.forEach { name, value in
            guard !WireFields.contains(name) else { return }
            guard name.hasSuffix("-bin") else { return self.addString(value, forKey: name) }
            for part in value.split(separator: ",", omittingEmptySubsequences: false) {
                if let bytes = Base64.decode(String(part.drop { $0 == " " })) {
                    self.addBinary(bytes, forKey: name)
                } else {
                    self.addString(String(part), forKey: name)
                }
            }
        }
    }
}
