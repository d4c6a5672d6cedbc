// SPDX-License-Identifier: Apache-2.0

package import MartletKeyspace
package import MartletRESPCodec

/// How a server of Redis's protocol behaves.
package struct RedisServerConfiguration: Sendable {
    /// Of requests: see there.
    package var requests = RESPLimits()
    /// Of clients, until CONFIG SET says otherwise.
    package var limits = ClientLimits()
    /// Bytes of replies that wait for a client to read them, before its next commands wait as well.
    package var outputBytes = 1 << 20
    /// Whether clients may use DEBUG, which makes a client wait and little else: for tests.
    package var allowsDebugging = false
    /// The number of the cluster whose streams these are, for INFO; `nil` says nothing.
    package var clusterID: UInt64?
    /// What all sessions share.
    package var environment = Session.Environment()
    /// Where time zones are looked up.
    package var zones = ZoneDirectory()

    package init() {}

    /// What clients have to say before anything else; `nil`: they are asked for nothing.
    package var password: [UInt8]? {
        get { environment.password }
        set { environment.password = newValue }
    }
}
