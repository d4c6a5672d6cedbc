// SPDX-License-Identifier: Apache-2.0

extension MicroService {
    /// The same service, registered elsewhere.
    package func registered(in registry: any ServiceRegistry) -> MicroService {
        var service = self
        service.registry = registry
        return service
    }
}
