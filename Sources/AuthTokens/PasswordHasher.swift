// SPDX-License-Identifier: Apache-2.0

/// Why a password is not hashed. etcd hands the text to clients under the code "unknown".
package enum PasswordError: Error, Hashable, Sendable {
    case tooLong
    /// libcrypt takes passwords that end with a zero byte and can't hold one. etcd would take it.
    case zeroByte
    /// The system's libcrypt was built without bcrypt.
    case unavailable

    package var text: String {
        switch self {
        case .tooLong: "bcrypt: password length exceeds 72 bytes"
        case .zeroByte: "bcrypt: password holds a zero byte"
        case .unavailable: "bcrypt: not supported by this system's libcrypt"
        }
    }
}

/// Hashes and checks passwords at the server's cost. Its functions take a good part of a second: run them on a worker.
package struct PasswordHasher: Sendable {
    package let cost: Int
    /// What an unknown user's password is checked against.
    private let decoy: [UInt8]

    /// Nil for a cost that bcrypt does not have; etcd then warns and goes on with the default.
    package init?(cost: Int = Bcrypt.defaultCost) {
        guard (Bcrypt.minimumCost...Bcrypt.maximumCost).contains(cost) else { return nil }
        self.cost = cost
        // No password has this hash: its digits are not the result of any run we know, and a match is refused below.
        let digits = String(repeating: ".", count: 53)
        decoy = Array(("$2a$" + (cost < 10 ? "0" : "") + "\(cost)$" + digits).utf8)
    }

    /// The text to store, with a fresh random salt.
    package func hash(_ password: [UInt8]) throws(PasswordError) -> [UInt8] {
        var random = SystemRandomNumberGenerator()
        let salt = (0..<Bcrypt.saltLength).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        return try Bcrypt.hash(password, cost: cost, salt: salt)
    }

    /// Whether the password is the one of `hash`. Nil, for a user that does not exist: never, but only after as long
    /// as a check takes, so that the time does not tell who exists. (etcd answers at once.)
    package func matches(_ password: [UInt8], hash: [UInt8]?) -> Bool {
        let isRight = Bcrypt.matches(password, hash: hash ?? decoy)
        return hash != nil && isRight
    }
}
