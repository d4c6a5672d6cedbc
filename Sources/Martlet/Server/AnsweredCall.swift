// SPDX-License-Identifier: Apache-2.0

package import MartletGRPCWire
package import MartletHTTP2Session
package import NIOCore
internal import Synchronization

/// The call behind a context: one that came over the wire, or one that was made inside the process.
package enum AnsweredCall: Sendable {
    case wire(ServerCall)
    case local(LocalCall)

    var path: String {
        switch self {
        case .wire(let call): call.path
        case .local(let call): call.path
        }
    }

    /// The request's headers.
    var metadata: HeaderBlock {
        switch self {
        case .wire(let call): call.metadata
        case .local(let call): call.metadata
        }
    }

    var contentSubtype: String {
        switch self {
        case .wire(let call): call.contentSubtype
        case .local(let call): call.contentSubtype
        }
    }

    var deadline: NIODeadline? {
        switch self {
        case .wire(let call): call.deadline
        case .local(let call): call.deadline
        }
    }

    var peer: SocketAddress? {
        switch self {
        case .wire(let call): call.peer
        case .local: nil
        }
    }

    var responseMetadata: HeaderBlock {
        get {
            switch self {
            case .wire(let call): call.responseMetadata
            case .local(let call): call.responseMetadata
            }
        }
        nonmutating set {
            switch self {
            case .wire(let call): call.responseMetadata = newValue
            case .local(let call): call.responseMetadata = newValue
            }
        }
    }

    /// Has the call fail in place of an answer that is good.
    func refuse(_ status: GRPCStatus) {
        switch self {
        case .wire(let call): call.refuse(status)
        case .local(let call): call.refuse(status)
        }
    }

    var trailers: HeaderBlock {
        get {
            switch self {
            case .wire(let call): call.trailers
            case .local(let call): call.trailers
            }
        }
        nonmutating set {
            switch self {
            case .wire(let call): call.trailers = newValue
            case .local(let call): call.trailers = newValue
            }
        }
    }
}

/// A call that never leaves the process: what its caller would have sent, and what the handler sets beside its answer.
package final class LocalCall: Sendable {
    package let path: String
    package let metadata: HeaderBlock
    package let contentSubtype: String
    package let deadline: NIODeadline?

    private struct Answer {
        var metadata = HeaderBlock()
        var trailers = HeaderBlock()
        var refusal: GRPCStatus?
    }

    private let answer = Mutex(Answer())

    package init(path: String, metadata: HeaderBlock, contentSubtype: String, deadline: NIODeadline?) {
        self.path = path
        self.metadata = metadata
        self.contentSubtype = contentSubtype
        self.deadline = deadline
    }

    package var responseMetadata: HeaderBlock {
        get { self.answer.withLock { $0.metadata } }
        set { self.answer.withLock { $0.metadata = newValue } }
    }

    /// Why the call fails, whatever its handler returns; of several the first.
    var refusal: GRPCStatus? { self.answer.withLock { $0.refusal } }

    func refuse(_ status: GRPCStatus) {
        self.answer.withLock { $0.refusal = $0.refusal ?? status }
    }

    package var trailers: HeaderBlock {
        get { self.answer.withLock { $0.trailers } }
        set { self.answer.withLock { $0.trailers = newValue } }
    }
}
