// SPDX-License-Identifier: Apache-2.0

/// Values that are taken in the order in which they were added, each by one taker.
///
/// Keys are `name/`, the store's revision before the value was added as 16 hexadecimal digits, `-`, and 16 random ones:
/// a value that was added after another one had been comes later, and the oldest is the first by key, so that taking it
/// costs no more in a long queue. Values that are added at the same time come in any order.
public struct EtcdQueue: Sendable {
    let client: EtcdClient
    public let name: String

    private var keys: EtcdKeyRange { .prefix("\(self.name)/") }

    /// Adds a value at the end.
    ///
    /// - Throws: ``EtcdError``; with ``EtcdError/Code/unavailable`` or ``EtcdError/Code/timeout`` it may have been
    ///   added or not.
    public func add(_ value: some Sequence<UInt8>) async throws {
        let revision = try await self.client.get(.key(self.name)) { $0.isCountOnly = true }.revision
        let key = "\(self.name)/\(Self.digits(UInt64(bitPattern: revision)))-\(Self.digits(.random(in: 0 ... .max)))"
        try await self.client.put(key.utf8, value)
    }

    /// Adds a text at the end.
    public func add(_ value: String) async throws { try await self.add(value.utf8) }

    /// Takes the oldest value out; waits while there is none.
    ///
    /// - Throws: ``EtcdError``; with ``EtcdError/Code/unavailable`` or ``EtcdError/Code/timeout`` a value may have been
    ///   taken that nobody got.
    public func take() async throws -> [UInt8] {
        while true {
            let (value, nextRevision) = try await self.takeFirst()
            if let value { return value }
            do {
                for try await batch in self.client.watch(self.keys, from: nextRevision, skipping: [.delete])
                where !batch.events.isEmpty {
                    break
                }
            } catch let error as EtcdError where error.code == .compacted {
                // Look again.
            }
        }
    }

    /// Takes the oldest value out; `nil` when there is none.
    public func takeIfAny() async throws -> [UInt8]? { try await self.takeFirst().value }

    /// How many values wait.
    public var count: Int64 {
        get async throws { try await self.client.get(self.keys) { $0.isCountOnly = true }.count }
    }

    private func takeFirst() async throws -> (value: [UInt8]?, nextRevision: Int64) {
        while true {
            let found = try await self.client.get(self.keys) { $0.limit = 1 }
            guard let first = found.keyValues.first else { return (nil, found.nextRevision) }
            let taken = try await self.client.transaction(
                when: [.modRevision(.key(first.key), .equal, first.modRevision)], then: [.delete(.key(first.key))])
            if taken.succeeded { return (first.value, taken.revision) }
        }
    }

    /// 16 hexadecimal digits, so that the order of texts is the order of numbers.
    private static func digits(_ number: UInt64) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }
}

extension EtcdClient {
    /// A queue, which is all keys that begin with its name and a slash.
    public func queue(_ name: String) -> EtcdQueue { EtcdQueue(client: self, name: name) }
}
