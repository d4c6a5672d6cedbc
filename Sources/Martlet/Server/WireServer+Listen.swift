// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire
internal import NIOCore

extension WireServer {
    /// Listens, and says of what keeps it from that where it was.
    ///
    /// - Parameter owner: Whose error it is: a service's name, or a broker's.
    func listen(at address: WireAddress, for owner: String) async throws -> SocketAddress {
        do {
            return try await self.bind(address)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            throw MicroError(.internalServerError, "\(owner) can't listen at \(address): \(error)", id: owner)
        }
    }
}
