// SPDX-License-Identifier: Apache-2.0

/// How many messages a call has in either direction.
public enum CallKind: Sendable, Hashable {
    /// One request, one response.
    case unary
    /// One request, many responses.
    case serverStream
    /// Many requests, one response.
    case clientStream
    /// Many requests, many responses, at the same time.
    case bidirectionalStream
}
