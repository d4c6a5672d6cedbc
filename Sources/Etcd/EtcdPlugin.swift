// SPDX-License-Identifier: Apache-2.0

internal import Logging
public import Martlet
internal import MartletEtcdClient

extension MicroPlugin {
    /// The registry in etcd, or in Martlet's own server: `MICRO_REGISTRY=etcd`, with `MICRO_REGISTRY_ADDRESS` naming
    /// its endpoints.
    public static var etcd: MicroPlugin {
        MicroPlugin(
            "etcd",
            registry: { settings in
                EtcdRegistry(endpoints: settings.addresses) { $0.logger = settings.logger }
            })
    }
}
