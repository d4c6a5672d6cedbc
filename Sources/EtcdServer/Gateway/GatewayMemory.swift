// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// How much long answers in JSON may hold at once, of all clients of a server.
///
/// JSON is made of the whole message, so both are in memory, and the text stays until its client has taken it. Whoever
/// asks when there is no room is told to come again; clients of gRPC, whose answers come in parts, aren't concerned.
package final class GatewayMemory: Sendable {
    /// Room for some answers of a hundred megabytes, and far less than a machine for databases has.
    package static let limitBytes = 1 << 30
    /// A shorter answer isn't counted: the connections bound how many of them there are.
    static let countedBytes = 1 << 20
    /// Bytes held for each of a message: itself, and its text, which is base64 with names between.
    private static let bytesPerMessageByte = 4

    private let limit: Int
    private let held = Mutex(0)

    init(limitBytes: Int = GatewayMemory.limitBytes) { limit = limitBytes }

    /// What one answer holds, until nobody refers to it any more.
    final class Hold: Sendable {
        private let memory: GatewayMemory
        private let bytes: Int

        fileprivate init(_ memory: GatewayMemory, _ bytes: Int) {
            self.memory = memory
            self.bytes = bytes
        }

        deinit {
            memory.held.withLock { $0 -= bytes }
        }
    }

    /// Room for the answer of a message; `nil` when there is none. An answer that alone is more than the limit has room
    /// when nobody else holds any.
    func hold(messageBytes: Int) -> Hold? {
        let bytes = messageBytes.multipliedReportingOverflow(by: Self.bytesPerMessageByte)
        guard !bytes.overflow else { return nil }
        let hasRoom = held.withLock { held in
            guard held == 0 || bytes.partialValue <= limit - held else { return false }
            held += bytes.partialValue
            return true
        }
        return hasRoom ? Hold(self, bytes.partialValue) : nil
    }

    /// What is held now.
    var heldBytes: Int { held.withLock { $0 } }
}
