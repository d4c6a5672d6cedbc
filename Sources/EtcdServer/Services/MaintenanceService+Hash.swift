// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEtcdAPI
import MartletKeyValue
import MartletNode
import SwiftProtobuf

extension MaintenanceService {
    /// The hash that members are compared by. It is computed on the loop, in steps between which others are served,
    /// over a snapshot: what is written meanwhile is not in it.
    package func hashKV(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: Etcdserverpb_HashKVRequest.self) else { return }
        hash(at: request.revision, for: call) { hash in
            var response = Etcdserverpb_HashKVResponse()
            response.header = store.header
            response.hash = hash.value
            response.compactRevision = hash.compactRevision
            response.hashRevision = hash.revision
            return response
        }
    }

    /// etcd hashes its database file here, which no two members share. Ours is the hash of keys and values.
    package func hash(_ call: any EtcdCall, _ message: [UInt8]) {
        guard call.decoded(message, as: Etcdserverpb_HashRequest.self) != nil else { return }
        hash(at: 0, for: call) { hash in
            var response = Etcdserverpb_HashResponse()
            response.header = store.header
            response.hash = hash.value
            return response
        }
    }

    private func hash(
        at revision: Int64, for call: any EtcdCall, _ respond: @escaping (KeyValueHash) -> any Message
    ) {
        let start = ContinuousClock.now
        do throws(KeyValueError) {
            let run = HashRun(try store.keyValue.snapshot.hasher(at: revision), in: store.member.workTurns) { hash in
                let duration = ContinuousClock.now - start
                if revision == 0 {
                    store.counters.hashes.add(duration)
                } else {
                    store.counters.revisionHashes.add(duration)
                }
                call.respond(with: respond(hash))
            }
            run.step()
        } catch {
            call.fail(EtcdError(error))
        }
    }
}

/// A hash on its way. Confined to the loop; nobody but the loop's next task holds it.
final class HashRun {
    private var hasher: KeyValueHasher
    private let turns: WorkTurns
    private let completion: (KeyValueHash) -> Void

    init(_ hasher: KeyValueHasher, in turns: WorkTurns, _ completion: @escaping (KeyValueHash) -> Void) {
        self.hasher = hasher
        self.turns = turns
        self.completion = completion
    }

    func step() {
        guard hasher.step() else { return completion(hasher.hash) }
        turns.next { self.step() }
    }
}
