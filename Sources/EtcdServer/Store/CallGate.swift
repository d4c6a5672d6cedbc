// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletNode
import NIOCore

/// Which calls are asked for their rights before their service sees them: those that the whole method takes rights for.
/// Whoever adds such a method can't forget to ask.
enum CallGate {
    /// These ask in their own time: that the request is no good is told first, as in etcd.
    private static let late: Set<String> = ["/etcdserverpb.Cluster/MemberAdd", "/etcdserverpb.Cluster/MemberUpdate"]

    /// What a call of the method must show; nil where that depends on its request.
    static func requirement(of path: String) -> AuthRequirement? {
        guard let requirement = AuthRequirement.of(String(path.dropFirst())) else {
            preconditionFailure("nothing says who may call \(path)")
        }
        switch requirement {
        case .credentials, .administrator: return late.contains(path) ? nil : requirement
        case .nothing, .keys, .lease, .record: return nil
        }
    }

    /// For a call that is served beside the loop.
    ///
    /// - Throws: the status that ends it.
    static func pass(
        _ path: String, _ credentials: CallCredentials, _ store: NIOLoopBound<MemberStore>
    ) async throws {
        guard let requirement = Self.requirement(of: path) else { return }
        try await store.eventLoop.submit {
            do throws(AuthError) {
                try store.value.check(requirement, credentials)
            } catch {
                if error.isDenial {
                    let name = try? store.value.identity(of: credentials).name
                    store.value.member.audit.note(
                        AuditRecord(
                            user: name.flatMap { $0.isEmpty ? nil : $0.bytes }, peer: "", wire: .etcd,
                            request: String(path.dropFirst()), reason: error.reason))
                }
                throw error.status
            }
        }.get()
    }
}
