// SPDX-License-Identifier: Apache-2.0

/// A URL that a server listens on or tells others, in the four schemes that etcd has.
package struct ServerURL: Sendable, Hashable, CustomStringConvertible {
    package enum Scheme: String, Sendable, CaseIterable {
        case http, https, unix, unixs
    }

    package var scheme: Scheme
    /// A name or a numeric address; of a socket file, its path, which is relative unless it starts with a slash.
    package var host: String
    /// 0 for a socket file.
    package var port: Int

    package init(scheme: Scheme, host: String, port: Int) {
        self.scheme = scheme
        self.host = host
        self.port = port
    }

    package struct Malformed: Error {
        package var reason: String
    }

    package init(_ text: String) throws(Malformed) {
        guard let end = text.firstRange(of: "://") else {
            throw Malformed(reason: "URL scheme must be http, https, unix, or unixs: \(text)")
        }
        guard let scheme = Scheme(rawValue: String(text[..<end.lowerBound])) else {
            throw Malformed(reason: "URL scheme must be http, https, unix, or unixs: \(text)")
        }
        var rest = String(text[end.upperBound...])
        self.scheme = scheme
        switch scheme {
        case .unix, .unixs:
            guard !rest.isEmpty else { throw Malformed(reason: "a socket needs a path: \(text)") }
            (host, port) = (rest, 0)
        case .http, .https:
            if rest.hasSuffix("/") { rest.removeLast() }
            guard !rest.contains("/") else { throw Malformed(reason: "URL must not contain a path: \(text)") }
            guard let colon = rest.lastIndex(of: ":"), let port = UInt16(rest[rest.index(after: colon)...]) else {
                throw Malformed(reason: "URL address does not have the form \"host:port\": \(text)")
            }
            var host = rest[..<colon]
            if host.hasPrefix("["), host.hasSuffix("]") {
                host = host.dropFirst().dropLast()
            } else if host.contains(":") {
                throw Malformed(reason: "an IPv6 address stands in brackets: \(text)")
            }
            self.host = String(host)
            self.port = Int(port)
        }
    }

    /// Reads URLs that are separated by commas.
    package static func list(_ text: String) throws(Malformed) -> [ServerURL] {
        var urls: [ServerURL] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            urls.append(try ServerURL(part.trimmed))
        }
        return urls
    }

    package var isEncrypted: Bool { scheme == .https || scheme == .unixs }

    package var isSocketFile: Bool { scheme == .unix || scheme == .unixs }

    /// Whether one can listen there without asking a name server: a numeric address, `localhost`, or a socket file.
    package var isBindable: Bool {
        if isSocketFile || host.isEmpty || host == "localhost" || host.contains(":") { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }

    package var description: String {
        if isSocketFile { return "\(scheme.rawValue)://\(host)" }
        return "\(scheme.rawValue)://\(host.contains(":") ? "[\(host)]" : host):\(port)"
    }
}

extension Substring {
    /// Without the spaces at both ends.
    var trimmed: String {
        var text = self
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
