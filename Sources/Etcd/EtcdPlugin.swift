// SPDX-License-Identifier: Apache-2.0

internal import Logging
public import Martlet
internal import MartletEtcdClient

extension MicroPlugin {
    /// The registry in etcd, or in Martlet's own server: `MICRO_REGISTRY=etcd`, with `MICRO_REGISTRY_ADDRESS` naming
    /// its endpoints. `MICRO_REGISTRY_USER` and `_PASSWORD` say who asks, `MICRO_REGISTRY_TLS_CA`, `_CERT` and `_KEY`
    /// how to encrypt; an endpoint behind `https://` is encrypted without them, too.
    public static var etcd: MicroPlugin {
        MicroPlugin(
            "etcd",
            registry: { settings in
                EtcdRegistry(endpoints: settings.addresses) {
                    $0.logger = settings.logger
                    $0.tls = settings.tls.map(EtcdTLS.init)
                    $0.credentials = settings.credentials.map {
                        EtcdCredentials(user: $0.user, password: $0.password)
                    }
                }
            })
    }
}

extension EtcdTLS {
    /// What a client needs of the framework's.
    fileprivate init(_ tls: MicroTLS) {
        self.init()
        self.trustRootsFile = tls.trustRootsFile
        self.certificateChainFile = tls.certificateChainFile
        self.privateKeyFile = tls.privateKeyFile
        self.serverName = tls.serverName
        self.skipsVerification = tls.skipsVerification
    }
}
