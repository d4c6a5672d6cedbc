// SPDX-License-Identifier: Apache-2.0

import MartletEtcdAPI
package import MartletGRPCWire
import MartletNode
package import NIOCore
import SwiftProtobuf

/// `Maintenance.Snapshot`: the one call that takes long and reads the disk. It runs as a task beside the store's loop,
/// which only says when the tables hold everything.
package enum SnapshotService {
    /// Pieces read from the disk at once, and handed to the connection one by one, as it takes them.
    private static let piecesAtOnce = 16

    package static func snapshot(
        _ store: NIOLoopBound<MemberStore>, _ requests: MessageReader,
        _ respond: @Sendable ([UInt8]) async throws -> Void
    ) async throws {
        for try await _ in requests { break }
        let loop = store.eventLoop
        let running: RunningSnapshot
        do {
            running = try await loop.flatSubmit { store.value.member.makeSnapshot() }.get()
        } catch {
            throw status(error)
        }
        defer { loop.execute { store.value.member.endSnapshot(running.number) } }
        do {
            while true {
                let pieces = try await running.next(piecesAtOnce)
                if pieces.isEmpty { return }
                for piece in pieces {
                    var response = Etcdserverpb_SnapshotResponse()
                    response.remainingBytes = piece.remainingByteCount
                    response.blob = piece.bytes.data
                    response.version = SnapshotSource.storageVersion
                    let message: [UInt8] = try response.serializedBytes()
                    try await respond(message)
                }
            }
        } catch let error as SnapshotError {
            throw status(error)
        }
    }

    private static func status(_ error: any Error) -> GRPCStatus {
        guard let error = error as? SnapshotError else { return GRPCStatus(.internalError, "\(error)") }
        return GRPCStatus(error.code == .refused ? .unavailable : .internalError, "etcdserver: \(error.message)")
    }
}
