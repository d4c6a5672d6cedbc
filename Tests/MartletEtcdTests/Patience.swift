// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletEtcd
import MartletEtcdClient
import MartletTestPrograms

/// Gives services and their registry the time that they take where both cores are taken: there the usual five seconds,
/// and one for a connect, end calls that would be answered.
func patiently(_ configuration: inout MicroClient.Configuration) {
    configuration.timeout = patience
    configuration.connectTimeout = patience / 3
    configuration.registryPatience = patience
    configuration.mirrorPatience = patience
}

extension EtcdRegistry {
    /// A registry that gives a server on a busy machine its time.
    static func patient(_ endpoint: String) -> EtcdRegistry {
        EtcdRegistry(endpoints: [endpoint]) { $0.timeout = patience }
    }
}

extension EtcdClient {
    /// A client that gives a server on a busy machine its time.
    static func patient(_ endpoint: String) throws(EtcdError) -> EtcdClient {
        var configuration = Configuration(endpoints: [endpoint])
        configuration.timeout = patience
        return try EtcdClient(configuration)
    }
}
