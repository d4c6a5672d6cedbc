// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import MartletEtcdClient

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// A value can't be read as the type that was asked for.
public struct EtcdConfigError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The etcd key.
    public let key: String
    /// The type's name.
    public let type: String

    /// The value is left out: it may be a secret.
    public var description: String { "the value of \(self.key) can't be read as \(self.type)" }
}

/// How configuration keys and values lie in etcd.
struct ConfigLayout: Sendable {
    private let prefix: String
    private let options: EtcdConfigProvider.Options

    init(prefix: String, options: EtcdConfigProvider.Options) {
        self.prefix = prefix.isEmpty || prefix.hasSuffix("/") ? prefix : prefix + "/"
        self.options = options
    }

    /// All keys of the provider.
    var keys: EtcdKeyRange { .prefix(self.prefix) }

    /// The etcd key of a configuration key.
    func name(of key: AbsoluteConfigKey) -> String { self.prefix + key.components.joined(separator: "/") }

    /// What a lookup finds.
    ///
    /// - Parameter value: The value as it lies in etcd; `nil` where there is none.
    /// - Throws: ``EtcdConfigError`` when it isn't of the type.
    func result(_ name: String, _ value: [UInt8]?, _ type: ConfigType) throws(EtcdConfigError) -> LookupResult {
        guard let value else { return LookupResult(encodedKey: name, value: nil) }
        guard let content = self.content(value, type) else { throw EtcdConfigError(key: name, type: type.rawValue) }
        let isSecret =
            switch self.options.secrets {
            case .all: true
            case .none: false
            case .specific(let names): names.contains(name)
            case .dynamic(let decide): decide(name, value)
            }
        return LookupResult(encodedKey: name, value: ConfigValue(content, isSecret: isSecret))
    }

    private func content(_ bytes: [UInt8], _ type: ConfigType) -> ConfigContent? {
        if type == .bytes { return .bytes(bytes) }
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        return switch type {
        case .string: .string(text)
        case .int: Int(Self.trimmed(text)).map { .int($0) }
        case .double: Double(Self.trimmed(text)).map { .double($0) }
        case .bool: Self.truth(Self.trimmed(text)).map { .bool($0) }
        case .bytes: .bytes(bytes)
        case .stringArray: .stringArray(self.elements(text))
        case .intArray: self.elements(text) { Int($0) }.map { .intArray($0) }
        case .doubleArray: self.elements(text) { Double($0) }.map { .doubleArray($0) }
        case .boolArray: self.elements(text, Self.truth).map { .boolArray($0) }
        case .byteChunkArray:
            self.elements(text) { Data(base64Encoded: $0).map { [UInt8]($0) } }.map { .byteChunkArray($0) }
        }
    }

    /// The elements of a list, without the spaces around them. An empty text is an empty list.
    private func elements(_ text: String) -> [String] {
        guard !Self.trimmed(text).isEmpty else { return [] }
        return text.split(separator: self.options.listSeparator, omittingEmptySubsequences: false).map {
            Self.trimmed($0)
        }
    }

    private func elements<Element>(_ text: String, _ convert: (String) -> Element?) -> [Element]? {
        let texts = self.elements(text)
        let converted = texts.compactMap(convert)
        return converted.count == texts.count ? converted : nil
    }

    private static func truth(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "true", "yes", "on", "1": true
        case "false", "no", "off", "0": false
        default: nil
        }
    }

    /// Without white space at both ends: who puts a value by a shell easily adds a line end.
    private static func trimmed(_ text: some StringProtocol) -> String {
        guard let first = text.firstIndex(where: { !$0.isWhitespace }),
            let last = text.lastIndex(where: { !$0.isWhitespace })
        else { return "" }
        return String(text[first...last])
    }
}

/// What all values were at one revision.
struct EtcdConfigSnapshot: ConfigSnapshot {
    let providerName: String
    let layout: ConfigLayout
    /// By etcd key.
    var values: [String: [UInt8]]
    var revision: Int64

    func value(forKey key: AbsoluteConfigKey, type: ConfigType) throws -> LookupResult {
        let name = self.layout.name(of: key)
        return try self.layout.result(name, self.values[name], type)
    }
}
