// SPDX-License-Identifier: Apache-2.0

import MartletEtcdClient
import MartletTestPrograms

extension EtcdClient {
    /// A client that gives a server on a busy machine its time.
    static func patient(_ endpoints: String...) throws(EtcdError) -> EtcdClient {
        try EtcdClient(Configuration.patient(endpoints))
    }
}

extension EtcdClient.Configuration {
    static func patient(_ endpoints: [String]) -> Self {
        var configuration = Self(endpoints: endpoints)
        configuration.timeout = patience
        // A third: a connect that hangs is begun anew in time.
        configuration.connectTimeout = patience / 3
        return configuration
    }
}
