// SPDX-License-Identifier: Apache-2.0

internal import Logging
public import Martlet
internal import MartletRedisClient

extension MicroPlugin {
    /// The broker on streams of Redis, or of Martlet's own server: `MICRO_BROKER=redis`, with `MICRO_BROKER_ADDRESS`
    /// naming its addresses.
    public static var redis: MicroPlugin {
        MicroPlugin(
            "redis",
            broker: { settings, _ in
                RedisBroker(addresses: settings.addresses) {
                    $0.client.logger = settings.logger
                    $0.client.tls = settings.tls.map { RedisTLS($0) }
                }
            })
    }
}

extension RedisTLS {
    init(_ tls: MicroTLS) {
        self.init()
        trustRootsFile = tls.trustRootsFile
        certificateChainFile = tls.certificateChainFile
        privateKeyFile = tls.privateKeyFile
        serverName = tls.serverName
        skipsVerification = tls.skipsVerification
    }
}
