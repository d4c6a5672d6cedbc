// SPDX-License-Identifier: Apache-2.0

/// What clients of a server may take. CONFIG SET changes it while the server runs.
package struct ClientLimits: Hashable, Sendable {
    /// Connections at once. Source: Redis's `maxclients`.
    package var clients = 10_000
    /// Seconds after which a client that sends nothing is closed; 0: never. Source: Redis's `timeout`.
    package var idleSeconds = 0
    /// Seconds of silence after which the kernel asks whether the other side is there; 0: never. Of connections that
    /// come from then on. Source: Redis's `tcp-keepalive`.
    package var keepaliveSeconds = 300
    /// Bytes that came and aren't understood: what a request may have that is not whole yet, by default twice the
    /// longest. What is sent ahead of commands that wait stays in the socket long before.
    /// Source: Redis's `client-query-buffer-limit`, which is 1 GiB there.
    package var queryBytes = 32 << 20
    package var output = OutputLimits()

    /// Of `queryBytes`. Source: Redis.
    package static let leastQueryBytes = 1 << 20

    package init() {}
}

/// Bytes that may wait for a client to read them, before it is closed.
package struct OutputLimit: Hashable, Sendable {
    /// Closes at once; 0: never.
    package var hardBytes = 0
    /// Closes once there are so many for `softSeconds` on end; 0: never.
    package var softBytes = 0
    package var softSeconds = 0

    package init(hardBytes: Int = 0, softBytes: Int = 0, softSeconds: Int = 0) {
        self.hardBytes = hardBytes
        self.softBytes = softBytes
        self.softSeconds = softSeconds
    }

    /// With less nothing happens.
    var leastBytes: Int { min(hardBytes > 0 ? hardBytes : .max, softBytes > 0 ? softBytes : .max) }
}

/// The same for each class of clients, as Redis's `client-output-buffer-limit` writes them.
package struct OutputLimits: Hashable, Sendable {
    /// Of clients that are answered. By default only their next commands wait: see `outputBytes`.
    package var normal = OutputLimit()
    /// There are none here; told as it was set.
    package var replica = OutputLimit(hardBytes: 256 << 20, softBytes: 64 << 20, softSeconds: 60)
    /// Of those who are sent what others do: subscribers and monitors.
    package var pubsub = OutputLimit(hardBytes: 32 << 20, softBytes: 8 << 20, softSeconds: 60)

    package init() {}

    package struct Malformed: Error, Hashable, Sendable {
        /// What Redis's clients know.
        package let reason: String
    }

    /// Takes over what `text` says of some classes: `class hard soft seconds …`.
    package mutating func set(_ text: String) throws(Malformed) {
        let words = text.split(separator: " ", omittingEmptySubsequences: true).map(String.init)
        guard !words.isEmpty, words.count % 4 == 0 else {
            throw Malformed(reason: "Wrong number of arguments in buffer limit configuration.")
        }
        var limits = self
        for begin in stride(from: 0, to: words.count, by: 4) {
            let place = try Self.place(words[begin])
            guard let hard = MemorySize.bytes(words[begin + 1]), let soft = MemorySize.bytes(words[begin + 2]),
                let seconds = Int32(words[begin + 3]), seconds >= 0
            else {
                throw Malformed(reason: "Error in hard, soft or soft_seconds setting in buffer limit configuration.")
            }
            limits[keyPath: place] = OutputLimit(hardBytes: hard, softBytes: soft, softSeconds: Int(seconds))
        }
        self = limits
    }

    private static func place(_ name: String) throws(Malformed) -> WritableKeyPath<OutputLimits, OutputLimit> {
        switch name.lowercased() {
        case "normal": \.normal
        case "slave", "replica": \.replica
        case "pubsub": \.pubsub
        default: throw Malformed(reason: "Invalid client class specified in buffer limit configuration.")
        }
    }

    package var text: String {
        [("normal", normal), ("slave", replica), ("pubsub", pubsub)].map { name, limit in
            "\(name) \(limit.hardBytes) \(limit.softBytes) \(limit.softSeconds)"
        }.joined(separator: " ")
    }
}

/// Sizes as Redis's settings write them.
enum MemorySize {
    private static let units: [(name: String, bytes: Int)] = [
        ("b", 1), ("kb", 1 << 10), ("mb", 1 << 20), ("gb", 1 << 30), ("k", 1000), ("m", 1_000_000),
        ("g", 1_000_000_000), ("", 1),
    ]

    /// A whole number of zero or more, and a unit behind it; `nil` where it is none, or more than counts.
    static func bytes(_ text: String) -> Int? {
        let digits = text.prefix { "0"..."9" ~= $0 }
        let unit = text.dropFirst(digits.count).lowercased()
        guard let number = Int(digits), let scale = units.first(where: { $0.name == unit })?.bytes else { return nil }
        let (bytes, overflows) = number.multipliedReportingOverflow(by: scale)
        return overflows ? nil : bytes
    }
}
