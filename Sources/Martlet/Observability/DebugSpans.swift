// SPDX-License-Identifier: Apache-2.0

internal import DequeModule
internal import MartletWireAPI
internal import SwiftProtobuf
internal import Synchronization

/// The last spans of a service that is traced, for go-micro's `Debug.Trace`.
package final class DebugSpans: Sendable {
    /// Spans that are kept; a service has many calls, and whoever asks for more has a place where spans are kept.
    static let maximumSpans = 1000

    /// A span that has ended, as far as go-micro knows spans.
    package struct Span: Sendable {
        package var parent: TraceParent?
        package var own: TraceParent
        /// The service and its endpoint: `go.micro.server.Greeter.Hello`.
        package var name: String
        /// Whether the call or message went out; else it came in.
        package var isOutbound: Bool
        package var startedNanosecondsSince1970: UInt64
        package var durationNanoseconds: UInt64
        package var error: String?

        package init(
            _ name: String, own: TraceParent, parent: TraceParent?, isOutbound: Bool,
            startedNanosecondsSince1970: UInt64, durationNanoseconds: UInt64, error: String?
        ) {
            self.name = name
            self.own = own
            self.parent = parent
            self.isOutbound = isOutbound
            self.startedNanosecondsSince1970 = startedNanosecondsSince1970
            self.durationNanoseconds = durationNanoseconds
            self.error = error
        }
    }

    private let spans = Mutex<Deque<Span>>([])

    init() {}

    package func add(_ span: Span) {
        self.spans.withLock { spans in
            if spans.count == Self.maximumSpans { spans.removeFirst() }
            spans.append(span)
        }
    }

    /// The spans of a trace in the order in which they ended; those of all traces for an empty id.
    func response(traceID: String) -> MicroDebugTraceResponse {
        let wanted = self.spans.withLock { $0.filter { traceID.isEmpty || $0.own.traceID == traceID } }
        return MicroDebugTraceResponse.with { $0.spans = wanted.map(\.message) }
    }
}

extension DebugSpans.Span {
    fileprivate var message: MicroDebugSpan {
        MicroDebugSpan.with {
            $0.trace = self.own.traceID
            $0.id = self.own.spanID
            $0.parent = self.parent?.spanID ?? ""
            $0.name = self.name
            $0.started = self.startedNanosecondsSince1970
            $0.duration = self.durationNanoseconds
            if let error = self.error { $0.metadata["error"] = error }
            $0.type = self.isOutbound ? .outbound : .inbound
        }
    }
}

extension HandlerContext {
    /// Where the service keeps its last spans.
    package var debugSpans: DebugSpans { self.runtime.spans }
}

extension MessageContext {
    /// Where the service keeps its last spans.
    package var debugSpans: DebugSpans { self.runtime.spans }
}
