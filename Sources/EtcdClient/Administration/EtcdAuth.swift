// SPDX-License-Identifier: Apache-2.0

internal import MartletEtcdAPI

/// Whether servers ask who their clients are, and what each may do. See ``EtcdClient/auth``.
///
/// Users have roles, roles have permissions, permissions are for ranges of keys. The user `root` with the role `root`
/// may do everything, and must exist before authentication is turned on.
public struct EtcdAuth: Sendable {
    let client: EtcdClient

    /// Turns authentication on: from now on only clients with credentials may do anything.
    public func enable() async throws {
        let _: Etcdserverpb_AuthEnableResponse = try await self.client.request(
            "/etcdserverpb.Auth/AuthEnable", Etcdserverpb_AuthEnableRequest(), .ifNotExecuted)
    }

    /// Turns authentication off: everybody may do everything.
    public func disable() async throws {
        let _: Etcdserverpb_AuthDisableResponse = try await self.client.request(
            "/etcdserverpb.Auth/AuthDisable", Etcdserverpb_AuthDisableRequest(), .ifNotExecuted)
    }

    /// Whether authentication is on.
    public struct Status: Hashable, Sendable {
        public let isEnabled: Bool
        /// Grows with each change of users, roles and permissions.
        public let revision: UInt64
    }

    /// Whether authentication is on.
    ///
    /// - Throws: ``EtcdError/Code/notSupported`` by servers before 3.5.
    public func status() async throws -> Status {
        let response: Etcdserverpb_AuthStatusResponse = try await self.client.request(
            "/etcdserverpb.Auth/AuthStatus", Etcdserverpb_AuthStatusRequest(), .always)
        return Status(isEnabled: response.enabled, revision: response.authRevision)
    }
}

extension EtcdClient {
    /// Authentication, users and roles.
    public var auth: EtcdAuth { EtcdAuth(client: self) }
}
