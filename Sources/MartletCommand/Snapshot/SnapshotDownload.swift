// SPDX-License-Identifier: Apache-2.0

import MartletEtcdAPI
import MartletGRPCWire
import MartletWireServices
import SwiftProtobuf

/// `Maintenance.Snapshot`, as a client.
enum SnapshotDownload {
    /// Hands each piece on before the next is read, so that memory stays that of a few pieces.
    ///
    /// - Returns: the server's storage version; empty where it says none.
    static func run(from endpoint: String, _ take: ([UInt8]) throws -> Void) async throws -> String {
        var text = endpoint[...]
        if text.hasPrefix("http://") { text = text.dropFirst(7) }
        guard let address = WireAddress(String(text)) else {
            throw CommandFailure("malformed endpoint: \"\(endpoint)\"")
        }
        let client = try WireClient(address, configuration: WireClientConfiguration(), logger: RegistryOption.logger)
        do {
            let version = try await client.withStream("/etcdserverpb.Maintenance/Snapshot") { stream in
                let request: [UInt8] = try Etcdserverpb_SnapshotRequest().serializedBytes()
                try await stream.write(request)
                stream.finishWriting()
                var version = ""
                for try await message in stream {
                    let response = try Etcdserverpb_SnapshotResponse(serializedBytes: message)
                    version = response.version
                    try take([UInt8](response.blob))
                }
                return version
            }
            await client.close()
            return version
        } catch {
            await client.close()
            throw error
        }
    }
}
