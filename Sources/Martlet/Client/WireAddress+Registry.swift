// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire

extension WireAddress {
    /// Reads an address of the registry or of a user, and says what is wrong with it.
    init(registered text: String) throws(MicroError) {
        guard let address = WireAddress(text) else {
            throw MicroError(.badRequest, "malformed address: \"\(text)\"", id: MicroError.clientID)
        }
        self = address
    }
}
