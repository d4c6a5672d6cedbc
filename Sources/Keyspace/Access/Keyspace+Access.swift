// SPDX-License-Identifier: Apache-2.0

public import MartletAuth
public import MartletKeyValue
public import MartletRESPCodec

extension Keyspace {
    /// Why a user of the auth service may not do what a record or a waiting command asks, at the moment at which it is
    /// carried out; `nil`: it may, or it isn't one of these. The same at every member that has applied the same
    /// records.
    public func denial(
        of user: AuthName?, _ entry: CommandEntry, _ arguments: Arguments, _ store: KeyValueStore
    ) -> AccessDenial? {
        guard let user, access.service.isEnabled else { return nil }
        return access.service.denial(of: user, entry, arguments, attachedKeys: store.attachedKeys(of:))
    }
}
