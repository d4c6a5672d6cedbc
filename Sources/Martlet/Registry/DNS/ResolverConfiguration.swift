// SPDX-License-Identifier: Apache-2.0

/// What a system's `resolv.conf` says, as far as it matters here. Source: resolv.conf(5).
package struct ResolverConfiguration: Sendable, Hashable {
    /// Numeric addresses of servers, at most three as in the system's own resolver.
    package private(set) var servers: [String] = []

    package static let maximumServers = 3

    /// Reads the text of the file; lines that aren't understood are left out.
    package init(_ text: String) {
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.split { $0 == " " || $0 == "\t" }
            guard words.count >= 2, words[0] == "nameserver", self.servers.count < Self.maximumServers else { continue }
            // A scope, as in fe80::1%eth0, stays part of the address.
            self.servers.append(String(words[1]))
        }
    }
}
