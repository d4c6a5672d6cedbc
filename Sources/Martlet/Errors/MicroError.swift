// SPDX-License-Identifier: Apache-2.0

/// The error that services answer and clients receive.
///
/// It travels as go-micro's `errors.Error`: a JSON object in `grpc-message`, and the same as a protobuf detail.
/// Throw one from a handler to choose what the caller sees; every call on a ``MicroClient`` throws nothing else, but
/// for `CancellationError`.
public struct MicroError: Error, Hashable, Sendable {
    /// Who made the error: a service's name, or `go.micro.client` for what the client found by itself.
    ///
    /// A handler may leave it empty; the server then writes its service's name.
    public var id: String

    /// What kind of error it is.
    public var code: Code

    /// What happened, for a person.
    public var detail: String

    /// The name of the code, as HTTP spells it: `Not Found` for 404, empty for a number without a name.
    public var status: String

    /// The number of the gRPC status that carries the error, where it isn't the one that go-micro's table has for the
    /// code; `nil` takes the table's.
    ///
    /// A client that reads an error finds the status here that its call ended with, so that an error which a handler
    /// passes on keeps it. A handler may set it: gRPC knows "resource exhausted", 8, and go-micro only its own 429. Two
    /// errors that differ in nothing else are equal.
    public var grpcStatusCode: Int?

    /// Makes an error.
    ///
    /// - Parameters:
    ///   - code: The kind of error.
    ///   - detail: What happened.
    ///   - id: Who made it; the server fills in an empty one.
    public init(_ code: Code, _ detail: String, id: String = "") {
        self.id = id
        self.code = code
        self.detail = detail
        self.status = code.reasonPhrase
    }

    /// Makes an error with a status text of its own, as decoders need it.
    public init(id: String, code: Code, detail: String, status: String) {
        self.id = id
        self.code = code
        self.detail = detail
        self.status = status
    }
}

extension MicroError {
    /// The kind of an error: an HTTP status number.
    public struct Code: RawRepresentable, Hashable, Sendable {
        public var rawValue: Int32

        public init(rawValue: Int32) { self.rawValue = rawValue }

        /// 400: the request itself is wrong.
        public static var badRequest: Code { Code(rawValue: 400) }
        /// 401: the caller did not say who it is.
        public static var unauthorized: Code { Code(rawValue: 401) }
        /// 403: the caller may not do this.
        public static var forbidden: Code { Code(rawValue: 403) }
        /// 404: what was asked for isn't there.
        public static var notFound: Code { Code(rawValue: 404) }
        /// 405: the endpoint can't be called like this.
        public static var methodNotAllowed: Code { Code(rawValue: 405) }
        /// 408: the deadline passed.
        public static var timeout: Code { Code(rawValue: 408) }
        /// 409: it exists already, or was changed meanwhile.
        public static var conflict: Code { Code(rawValue: 409) }
        /// 412: the state of things doesn't allow it now.
        public static var preconditionFailed: Code { Code(rawValue: 412) }
        /// 429: too many calls.
        public static var tooManyRequests: Code { Code(rawValue: 429) }
        /// 500: the handler failed.
        public static var internalServerError: Code { Code(rawValue: 500) }
        /// 501: nobody answers this endpoint.
        public static var notImplemented: Code { Code(rawValue: 501) }
        /// 503: no node can take the call now.
        public static var unavailable: Code { Code(rawValue: 503) }
    }
}

extension MicroError {
    public static func == (left: MicroError, right: MicroError) -> Bool {
        left.code == right.code && left.id == right.id && left.detail == right.detail && left.status == right.status
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(self.code)
        hasher.combine(self.id)
        hasher.combine(self.detail)
        hasher.combine(self.status)
    }
}

extension MicroError: CustomStringConvertible {
    /// The JSON that also travels on the wire.
    public var description: String { self.jsonText }
}
