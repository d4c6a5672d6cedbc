// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Logging
import Martlet
import MartletEtcd
import MartletEtcdClient

/// Which registry a command asks, who asks it, and how long that may take.
struct RegistryOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The registry: host:port of an etcd or Martlet server, several with commas, with https:// for TLS.",
            discussion: """
                Without it MICRO_REGISTRY_ADDRESS counts, else 127.0.0.1:2379. In place of the flags below there are
                MICRO_REGISTRY_USER, _PASSWORD, _TLS_CA, _TLS_CERT, _TLS_KEY and _TLS_SKIP_VERIFY, as for services.
                """,
            valueName: "address"))
    var registry: String?

    @OptionGroup var access: EtcdAccessOption

    @Option(help: "How long it all may take, the registry's answer included, such as 500ms or 10s.")
    var timeout = "5s"

    mutating func validate() throws {
        guard let duration = FlagValue.duration(timeout), duration > .zero else {
            throw ValidationError("--timeout \(timeout) is not a duration such as 500ms or 10s")
        }
    }

    var limit: Duration { FlagValue.duration(timeout) ?? .seconds(5) }

    var endpoints: [String] {
        let text = registry ?? ProcessInfo.processInfo.environment["MICRO_REGISTRY_ADDRESS"] ?? ""
        return text.split(separator: ",").map { $0.trimmed }.filter { !$0.isEmpty }
    }

    /// The registry's addresses as they are shown to people.
    var shown: String { endpoints.isEmpty ? "127.0.0.1:2379" : endpoints.joined(separator: ",") }

    /// The registry, quiet unless something is wrong.
    func make(asksForPassword: Bool = true) throws -> EtcdRegistry {
        var configuration = EtcdClient.Configuration()
        try access.apply(to: &configuration, .registry, asksForPassword: asksForPassword)
        let (credentials, tls) = (configuration.credentials, configuration.tls)
        return EtcdRegistry(endpoints: endpoints) {
            $0.timeout = limit
            // One that accepts connections and says nothing is late, not away.
            $0.connectTimeout = limit
            $0.credentials = credentials
            $0.tls = tls
            $0.logger = Self.logger
        }
    }

    static let logger = Logger(label: "martlet") { _ in EventLog(format: .console, level: .warning) }

    /// Asks the registry something.
    ///
    /// - Parameter limit: `nil` is what the command says.
    /// - Throws: ``CommandFailure``, which names the registry.
    func ask<Answer: Sendable>(
        _ registry: EtcdRegistry, within limit: Duration? = nil,
        _ question: @escaping @Sendable (EtcdRegistry) async throws -> Answer
    ) async throws -> Answer {
        let limit = limit ?? self.limit
        let start = ContinuousClock.now
        do {
            return try await withTimeLimit(limit) { try await question(registry) }
        } catch let error as CancellationError {
            throw error
        } catch {
            // A connect that hangs ends as late as the limit does, and says only that the connection closed.
            let isLate = (error as? EtcdError)?.code == .unavailable && start.duration(to: .now) >= limit
            throw CommandFailure(RegistryFailure.text(error, registry: shown, limit: limit, isLate: isLate))
        }
    }
}

/// Why a registry could not be read, and what helps.
package enum RegistryFailure {
    package static func text(
        _ error: any Error, registry: String, limit: Duration, isLate: Bool = false
    ) -> String {
        let isLate = isLate || error is TimeLimitPassed || (error as? EtcdError)?.code == .timeout
        if isLate {
            return "the registry \(registry) did not answer within \(text(limit)). "
                + "Is `martlet server` or etcd running, and well?"
        }
        let text = "the registry \(registry) can't be read: \(error)"
        guard let error = error as? EtcdError else { return text }
        // What a server says to those who don't say who they are.
        if error.code == .denied || error.message.hasSuffix("user name is empty") {
            return text + ". Say who asks: --user name:password, or --cert and --key"
        }
        if error.message.contains("CERTIFICATE_VERIFY_FAILED") {
            return text + ". Its certificate is by no authority that is trusted here: name that by --cacert"
        }
        return error.code == .unavailable ? text + ". Is `martlet server` or etcd running?" : text
    }

    /// `500ms`, `5s`.
    private static func text(_ limit: Duration) -> String {
        let milliseconds = Int64(limit / .milliseconds(1))
        return milliseconds % 1000 == 0 ? "\(milliseconds / 1000)s" : "\(milliseconds)ms"
    }
}
