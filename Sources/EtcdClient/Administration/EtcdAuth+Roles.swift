// SPDX-License-Identifier: Apache-2.0

internal import MartletEtcdAPI

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// What a role may do with some keys.
public struct EtcdPermission: Hashable, Sendable {
    public enum Access: Hashable, Sendable { case read, write, readWrite }

    public let access: Access
    public let keys: EtcdKeyRange

    public init(_ access: Access, _ keys: EtcdKeyRange) {
        self.access = access
        self.keys = keys
    }

    /// `nil` for an access that isn't known here.
    fileprivate init?(_ wire: Authpb_Permission) {
        switch wire.permType {
        case .read: self.access = .read
        case .write: self.access = .write
        case .readwrite: self.access = .readWrite
        case .UNRECOGNIZED: return nil
        }
        self.keys = .range(from: wire.key, to: wire.rangeEnd)
    }

    fileprivate var wire: Authpb_Permission {
        var wire = Authpb_Permission()
        wire.permType =
            switch self.access {
            case .read: .read
            case .write: .write
            case .readWrite: .readwrite
            }
        wire.key = Data(self.keys.key)
        wire.rangeEnd = Data(self.keys.end)
        return wire
    }
}

extension EtcdAuth {
    /// Adds a role without permissions.
    public func addRole(_ name: String) async throws {
        var request = Etcdserverpb_AuthRoleAddRequest()
        request.name = name
        let _: Etcdserverpb_AuthRoleAddResponse = try await self.client.request(
            "/etcdserverpb.Auth/RoleAdd", request, .ifNotExecuted)
    }

    /// Deletes a role; users who have it lose it.
    public func deleteRole(_ name: String) async throws {
        var request = Etcdserverpb_AuthRoleDeleteRequest()
        request.role = name
        let _: Etcdserverpb_AuthRoleDeleteResponse = try await self.client.request(
            "/etcdserverpb.Auth/RoleDelete", request, .ifNotExecuted)
    }

    /// The names of all roles, in order.
    public func roles() async throws -> [String] {
        let response: Etcdserverpb_AuthRoleListResponse = try await self.client.request(
            "/etcdserverpb.Auth/RoleList", Etcdserverpb_AuthRoleListRequest(), .always)
        return response.roles.sorted()
    }

    /// What a role may do.
    ///
    /// - Throws: ``EtcdError/Code/notFound`` when there is no such role.
    public func permissions(ofRole name: String) async throws -> [EtcdPermission] {
        var request = Etcdserverpb_AuthRoleGetRequest()
        request.role = name
        let response: Etcdserverpb_AuthRoleGetResponse = try await self.client.request(
            "/etcdserverpb.Auth/RoleGet", request, .always)
        return response.perm.compactMap { EtcdPermission($0) }
    }

    /// Lets a role do something with some keys. What it was allowed for exactly these keys before is replaced.
    public func grant(_ permission: EtcdPermission, toRole name: String) async throws {
        var request = Etcdserverpb_AuthRoleGrantPermissionRequest()
        request.name = name
        request.perm = permission.wire
        let _: Etcdserverpb_AuthRoleGrantPermissionResponse = try await self.client.request(
            "/etcdserverpb.Auth/RoleGrantPermission", request, .ifNotExecuted)
    }

    /// Takes from a role what it was allowed for exactly these keys.
    public func revokePermission(for keys: EtcdKeyRange, fromRole name: String) async throws {
        var request = Etcdserverpb_AuthRoleRevokePermissionRequest()
        request.role = name
        request.key = Data(keys.key)
        request.rangeEnd = Data(keys.end)
        let _: Etcdserverpb_AuthRoleRevokePermissionResponse = try await self.client.request(
            "/etcdserverpb.Auth/RoleRevokePermission", request, .ifNotExecuted)
    }
}
