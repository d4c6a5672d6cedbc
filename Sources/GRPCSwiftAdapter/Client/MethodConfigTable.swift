// SPDX-License-Identifier: Apache-2.0

import GRPCCore

/// A service config's method configs, by what they apply to.
struct MethodConfigTable: Sendable {
    private var configs: [MethodConfig.Name: MethodConfig] = [:]

    init(_ serviceConfig: ServiceConfig) {
        for config in serviceConfig.methodConfig {
            for name in config.names { self.configs[name] = config }
        }
    }

    /// The config of a method, else that of its service, else that of all. Source: gRPC, service_config.proto.
    func config(for method: MethodDescriptor) -> MethodConfig? {
        guard !self.configs.isEmpty else { return nil }
        let service = method.service.fullyQualifiedService
        return self.configs[MethodConfig.Name(service: service, method: method.method)]
            ?? self.configs[MethodConfig.Name(service: service, method: "")]
            ?? self.configs[MethodConfig.Name(service: "", method: "")]
    }
}
