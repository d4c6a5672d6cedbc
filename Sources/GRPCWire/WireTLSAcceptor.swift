// SPDX-License-Identifier: Apache-2.0

package import NIOCore
import NIOSSL

/// A server's TLS for connections of another protocol than ours. What `WireServerTLS.examinesClient` says isn't asked.
package final class WireTLSAcceptor: Sendable {
    private let reloader: TLSReloader

    package init(_ tls: WireServerTLS) throws {
        reloader = try TLSReloader(tls)
    }

    /// Encrypts a connection that begins now. On its loop, before its other handlers are added.
    ///
    /// - Parameter onFailure: called once for each change of the files to something unusable.
    package func secure(_ channel: any Channel, onFailure: (any Error) -> Void) throws {
        let context = reloader.context(onFailure: onFailure)
        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
    }
}
