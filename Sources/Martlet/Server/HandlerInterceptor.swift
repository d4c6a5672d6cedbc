// SPDX-License-Identifier: Apache-2.0

/// Code around every call of a service, whatever its kind; the first one that was added is the outermost.
///
/// Call `next` with the context that was handed in, or a changed copy, to go on; throw instead to answer with an error.
/// What `next` throws is the handler's error: catch it to look at it, and throw it again.
public typealias HandlerInterceptor =
    @Sendable (_ context: HandlerContext, _ next: (HandlerContext) async throws -> Void) async throws -> Void
