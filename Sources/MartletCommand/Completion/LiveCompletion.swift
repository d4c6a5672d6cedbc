// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Martlet
import MartletEtcd

extension CompletionKind {
    /// Names of services that are registered now.
    static var services: CompletionKind {
        .custom { words, index, _ in await LiveCompletion.services(words, LiveCompletion.word(at: index, in: words)) }
    }

    /// Endpoints of the service that stands before them on the line.
    static var endpoints: CompletionKind {
        .custom { words, index, _ in await LiveCompletion.endpoints(words, LiveCompletion.word(at: index, in: words)) }
    }
}

/// Names for a shell to complete, asked of the registry while somebody types.
package enum LiveCompletion {
    /// Nobody waits longer for a key.
    private static let limit = Duration.seconds(1)

    static func services(_ words: [String], _ prefix: String) async -> [String] {
        guard let registry = registry(words) else { return [] }
        let names = await within(limit) { try await registry.services().map(\.name) } ?? []
        return choices(names, prefix)
    }

    static func endpoints(_ words: [String], _ prefix: String) async -> [String] {
        guard let service = service(in: words), let registry = registry(words) else { return [] }
        let records = await within(limit) { try await registry.services(named: service) } ?? []
        return choices(records.flatMap { $0.endpoints ?? [] }.map(\.name), prefix)
    }

    /// Names that can be typed: nothing in them that a terminal obeys.
    private static func choices(_ names: [String], _ prefix: String) -> [String] {
        Set(names.filter { $0.hasPrefix(prefix) && PeerText.line($0) == $0 }).sorted()
    }

    /// What is typed already of a word. The parser's own answer is about the last word of the line, where options may
    /// stand.
    package static func word(at index: Int, in words: [String]) -> String {
        words.indices.contains(index) ? words[index] : ""
    }

    /// The first word behind the command that is neither an option nor an option's value.
    package static func service(in words: [String]) -> String? {
        var rest = words.dropFirst(2)[...]
        while let word = rest.popFirst() {
            if word == "--" { continue }
            guard word.hasPrefix("-") else { return word.isEmpty ? nil : word }
            if !word.contains("="), optionsWithValue.contains(word) { _ = rest.popFirst() }
        }
        return nil
    }

    /// The value of an option on the line, as `--name value` or `--name=value`.
    package static func value(of option: String, in words: [String]) -> String? {
        for (position, word) in words.enumerated() {
            if word.hasPrefix("\(option)=") { return String(word.dropFirst(option.count + 1)) }
            if word == option, position + 1 < words.count { return words[position + 1] }
        }
        return nil
    }

    private static let registryOptions = ["--registry", "--user", "--password", "--cacert", "--cert", "--key"]

    private static let optionsWithValue = Set(
        registryOptions + [
            "--address", "--metadata", "--timeout", "--codec", "--count", "-o", "--output", "--tls-cacert",
            "--tls-cert", "--tls-key", "--tls-server-name",
        ])

    /// The options about the registry that are on the line, complete ones only.
    package static func registryArguments(_ words: [String]) -> [String] {
        registryOptions.flatMap { name in value(of: name, in: words).map { ["\(name)=\($0)"] } ?? [] }
            + words.filter { EtcdAccessOption.switches.contains($0) }
    }

    /// `nil` while the line's options make no sense. Nobody is asked for a password in the middle of a line.
    private static func registry(_ words: [String]) -> EtcdRegistry? {
        try? RegistryOption.parse(registryArguments(words)).make(asksForPassword: false)
    }

    /// What `body` returns, if it does so in time. An error is as good as nothing: a completion has nowhere to tell it.
    private static func within<Value: Sendable>(
        _ limit: Duration, _ body: @Sendable @escaping () async throws -> Value
    ) async -> Value? {
        await withTaskGroup(of: Value?.self) { group in
            group.addTask { try? await body() }
            group.addTask {
                try? await Task.sleep(for: limit)
                return nil
            }
            let first = await group.next()
            group.cancelAll()
            return first ?? nil
        }
    }
}
