// SPDX-License-Identifier: Apache-2.0

internal import Martlet
internal import MartletRedisClient

extension MicroError {
    /// What a publisher is told.
    init(_ error: RedisError) {
        let code: Code =
            switch error.code {
            case .overloaded, .noSpace: .tooManyRequests
            case .timeout: .timeout
            case .denied: .forbidden
            case .unavailable, .notReady, .closed, .uncertain: Code(rawValue: 503)
            case .invalidRequest, .wrongType: .badRequest
            case .notSupported: .notImplemented
            default: .internalServerError
            }
        self.init(code, error.message, id: "go.micro.broker")
    }
}
