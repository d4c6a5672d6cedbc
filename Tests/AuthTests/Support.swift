// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletKeyValue
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The seed of a random test: from MARTLET_SEED, else a fixed one, so that a run repeats. Prints it.
func testSeed(_ test: String = #function) -> UInt64 {
    let seed = getenv("MARTLET_SEED").flatMap { UInt64(String(cString: $0)) } ?? 20_261_121
    print("\(test): MARTLET_SEED=\(seed)")
    return seed
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

let anyHash = StandardBase64.encode(bytes("$2a$10$hash"))

extension AuthStore {
    /// Applies, by default as nobody, which is allowed while authentication is off.
    @discardableResult
    mutating func run(
        _ request: AuthRequest, as identity: AuthIdentity = .anonymous
    ) throws(AuthError) -> AuthOutcome {
        try apply(request, as: identity)
    }

    /// The identity that fresh credentials give.
    func identity(_ name: AuthName) -> AuthIdentity { AuthIdentity(name: name, revision: revision) }

    /// `root` with its role; `alice` who reads `a..<m`, writes `c..<f` and reads and writes `z`; `bob` without roles.
    static func populated(enabled: Bool = true) throws -> AuthStore {
        var store = AuthStore()
        for name: AuthName in ["root", "alice", "bob"] {
            try store.run(.userAdd(name: name, hash: anyHash, options: nil))
        }
        try store.run(.userGrantRole(user: "root", role: "root"))
        try store.run(.roleAdd(name: "readers"))
        try store.run(.roleAdd(name: "writers"))
        let read = AuthPermission(.read, key: bytes("a"), rangeEnd: bytes("m"))
        try store.run(.roleGrantPermission(name: "readers", permission: read))
        let write = AuthPermission(.write, key: bytes("c"), rangeEnd: bytes("f"))
        try store.run(.roleGrantPermission(name: "writers", permission: write))
        let both = AuthPermission(.readWrite, key: bytes("z"))
        try store.run(.roleGrantPermission(name: "writers", permission: both))
        try store.run(.userGrantRole(user: "alice", role: "readers"))
        try store.run(.userGrantRole(user: "alice", role: "writers"))
        if enabled { try store.run(.enable) }
        return store
    }
}
