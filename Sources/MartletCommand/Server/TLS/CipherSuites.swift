// SPDX-License-Identifier: Apache-2.0

/// Cipher suites by the names that etcd takes: Go's, which are the registered ones, and two older ones of Go's.
enum CipherSuites {
    /// The numbers of the suites of TLS 1.2 that are named and spoken here; nil where none is named.
    ///
    /// Names of TLS 1.3's suites are taken and change nothing: those can't be chosen. Old suites that Go knows and no
    /// library should speak any more are left out.
    static func numbers(_ names: [String]) throws(ServerFlagError) -> [UInt16]? {
        guard !names.isEmpty else { return nil }
        var numbers: [UInt16] = []
        var hasNewer = false
        for name in names {
            if let number = spoken[name] {
                numbers.append(number)
            } else if newer.contains(name) {
                hasNewer = true
            } else if !unspoken.contains(name) {
                throw .conflict("unexpected TLS cipher suite \(name.goQuoted)")
            }
        }
        guard !numbers.isEmpty || hasNewer else {
            throw .conflict("none of the cipher suites is spoken here: \(names.joined(separator: ","))")
        }
        return numbers.isEmpty ? nil : numbers
    }

    /// Source: the registry of TLS cipher suites, RFC 5246, 5289, 7905.
    private static let spoken: [String: UInt16] = [
        "TLS_RSA_WITH_AES_128_CBC_SHA": 0x2F,
        "TLS_RSA_WITH_AES_256_CBC_SHA": 0x35,
        "TLS_RSA_WITH_AES_128_GCM_SHA256": 0x9C,
        "TLS_RSA_WITH_AES_256_GCM_SHA384": 0x9D,
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": 0xC009,
        "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": 0xC00A,
        "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": 0xC013,
        "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": 0xC014,
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": 0xC02B,
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": 0xC02C,
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": 0xC02F,
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": 0xC030,
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": 0xCCA8,
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305": 0xCCA8,
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": 0xCCA9,
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305": 0xCCA9,
    ]

    private static let newer: Set<String> = [
        "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
    ]

    private static let unspoken: Set<String> = [
        "TLS_RSA_WITH_RC4_128_SHA", "TLS_RSA_WITH_3DES_EDE_CBC_SHA", "TLS_RSA_WITH_AES_128_CBC_SHA256",
        "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA", "TLS_ECDHE_RSA_WITH_RC4_128_SHA", "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    ]
}
