// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletAuthTokens
import MartletBasics
import MartletGRPCWire
import MartletKeyValue
import MartletNode
import MartletReplica

/// Who calls, and what he may. While authentication is off, all of this is one look at a flag.
extension MemberStore {
    var isAuthEnabled: Bool { member.status.isAuthEnabled }

    /// The time of this turn, on the clocks of tokens.
    var tokenTime: TokenTime {
        let now = member.now
        return TokenTime(monotonic: now.monotonic, unix: .milliseconds(now.wallMilliseconds))
    }

    /// Who makes a call, by its token or its connection's certificate.
    func identity(of credentials: @autoclosure () -> CallCredentials) throws(AuthError) -> AuthIdentity {
        guard isAuthEnabled else { return .anonymous }
        return try tokens.identity(of: credentials(), in: member.auth, at: tokenTime)
    }

    // MARK: Writes

    /// The write in the caller's name: what he may is asked when it is applied. `nil` where his token is no good: then
    /// the call has ended.
    func identified(_ write: Write, _ call: any EtcdCall) -> Write? {
        guard isAuthEnabled else { return write }
        do throws(AuthError) {
            var write = write
            write.identity = try identity(of: call.credentials)
            return write
        } catch {
            call.finish(error.status)
            return nil
        }
    }

    /// Has a call's write put into the log, in the caller's name; the call gets the outcome.
    func propose(_ write: Write, for call: any EtcdCall) {
        guard let write = identified(write, call) else { return }
        propose(write, reply: .call(call))
    }

    // MARK: Rights

    /// Throws unless the caller may do what the request does to keys, now.
    func authorize(_ request: some KeyAccessing, _ call: any EtcdCall) throws(AuthError) {
        guard isAuthEnabled else { return }
        let identity = try identity(of: call.credentials)
        try member.auth.authorize(request, as: identity, attachedKeys: keyValue.attachedKeys(of:))
    }

    /// Throws unless the caller may do this to each of the leases. Complexity: O(keys attached to them); O(1) for an
    /// administrator.
    private func authorize(
        _ purpose: LeaseAccess.Purpose, of leases: [LeaseID], _ call: any EtcdCall
    ) throws(AuthError) {
        let identity = try identity(of: call.credentials)
        try member.auth.checkCredentials(identity)
        if member.auth.user(identity.name)?.isRoot == true { return }
        for lease in leases {
            let access = LeaseAccess(purpose, of: lease, keys: keyValue.attachedKeys(of: lease))
            try member.auth.authorize(access, as: identity)
        }
    }

    /// Throws unless the caller shows what the whole method takes. What depends on the request is asked where the
    /// request is read.
    func check(
        _ requirement: AuthRequirement, _ credentials: @autoclosure () -> CallCredentials
    ) throws(AuthError) {
        guard isAuthEnabled else { return }
        switch requirement {
        case .credentials: try member.auth.checkCredentials(try identity(of: credentials()))
        case .administrator: try member.auth.checkAdministrator(try identity(of: credentials()))
        case .nothing, .keys, .lease, .record: break
        }
    }

    // MARK: Rights, or the end of the call

    /// Whether the caller may do what the request does to keys; if not, the call has ended.
    func allows(_ request: some KeyAccessing, _ call: any EtcdCall) -> Bool {
        guard isAuthEnabled else { return true }
        return succeeds(call) { () throws(AuthError) in try authorize(request, call) }
    }

    /// Whether the caller may do this to each of the leases; if not, the call has ended.
    func allows(_ purpose: LeaseAccess.Purpose, of leases: [LeaseID], _ call: any EtcdCall) -> Bool {
        guard isAuthEnabled else { return true }
        return succeeds(call) { () throws(AuthError) in try authorize(purpose, of: leases, call) }
    }

    /// Whether the caller shows what the method takes; if not, the call has ended.
    func meets(_ requirement: AuthRequirement, _ call: any EtcdCall) -> Bool {
        guard isAuthEnabled else { return true }
        return succeeds(call) { () throws(AuthError) in try check(requirement, call.credentials) }
    }

    private func succeeds(_ call: any EtcdCall, _ body: () throws(AuthError) -> Void) -> Bool {
        do throws(AuthError) {
            try body()
            return true
        } catch {
            call.finish(error.status)
            return false
        }
    }

    // MARK: Locks and elections

    /// Who makes a call of locks or elections. `nil` where his token is no good: then the call has ended.
    func identityBehindClient(of call: any EtcdCall) -> AuthIdentity? {
        do throws(AuthError) {
            return try identity(of: call.credentials)
        } catch {
            call.finish(error.statusBehindClient)
            return nil
        }
    }

    /// As ``allows(_:_:)``, for calls of locks and elections.
    func allowsBehindClient(_ request: some KeyAccessing, _ call: any EtcdCall) -> Bool {
        do throws(AuthError) {
            try authorize(request, call)
            return true
        } catch {
            call.finish(error.statusBehindClient)
            return false
        }
    }
}
