// SPDX-License-Identifier: Apache-2.0

import MartletEtcdClient

/// A lease that one client keeps alive over all restarts.
enum KeptLease {
    static let id: Int64 = 7_777
    /// Longer than any restart, and shorter than the life of a store: without renewals it would end.
    static let ttlSeconds: Int64 = 5

    /// Runs until the task is cancelled.
    static func keep(_ client: EtcdClient, _ recorder: Recorder) async {
        recorder.change(lease: id) { lease in
            lease = KnownLease(id: id, ttlSeconds: ttlSeconds, renewed: .now)
            lease.isRepeated = true
        }
        while !Task.isCancelled {
            let sent = ContinuousClock.now
            do {
                if recorder.existence(of: id) == .unknown {
                    _ = try await client.grantLease(ttlSeconds: ttlSeconds, id: EtcdLeaseID(rawValue: id))
                } else {
                    try await client.keepAliveOnce(EtcdLeaseID(rawValue: id))
                }
                recorder.change(lease: id) { lease in
                    lease.existence = .granted
                    lease.renewed = sent
                }
            } catch let error as EtcdError where error.code == .leaseExists {
                recorder.change(lease: id) { $0.existence = .granted }
            } catch let error as EtcdError where error.code == .leaseNotFound {
                // Whether that is right is the checker's to say.
                return
            } catch {}
            try? await Task.sleep(for: .milliseconds(500))
        }
    }
}
