// SPDX-License-Identifier: Apache-2.0

/// A server's settings as `--config-file` gives them: etcd's names at the top, two maps for TLS below.
///
/// The file replaces command line and environment. A value must be of its field's type: numbers and booleans stand
/// without quotes; of texts that could be either, those that are meant as text stand in quotes. Lists may also be one
/// text with commas. Fields without a value count as not there. etcd takes durations as whole nanoseconds only; here
/// `5s` means what it says.
///
/// etcd passes over a field it doesn't know without a word. Such a field is named in ``unknownFields``.
///
/// Source: etcd server/embed, etcd.conf.yml.sample.
struct ConfigFile {
    struct Setting {
        var flag: ServerFlag
        var name: String
        var value: String
    }

    private(set) var settings: [Setting] = []
    private(set) var unknownFields: [String] = []

    init(text: String) throws(ServerFlagError) {
        let root: YAMLValue
        do throws(YAMLError) {
            root = try YAMLDocument.parse(text)
        } catch {
            throw .conflict("error converting YAML to JSON: yaml: \(error)")
        }
        switch root {
        case .null: return
        case .map(let fields):
            for (name, value) in fields { try read(name, value) }
        default: throw Self.mismatch(root, name: "", type: "embed.configYAML")
        }
    }

    private mutating func read(_ name: String, _ value: YAMLValue) throws(ServerFlagError) {
        switch name {
        case "client-transport-security": try readSecurity(name, value, Self.clientSecurity)
        case "peer-transport-security": try readSecurity(name, value, Self.peerSecurity)
        default: try readField(name, value, flagName: Self.notInFiles.contains(name) ? nil : name)
        }
    }

    /// Flags that a file can't set; older samples have the first, which etcd passes over too.
    private static let notInFiles: Set<String> = ["discovery-fallback", "config-file", "version", "help"]

    private mutating func readSecurity(
        _ section: String, _ value: YAMLValue, _ flags: [String: String]
    ) throws(ServerFlagError) {
        switch value {
        case .null: return
        case .map(let fields):
            for (name, value) in fields { try readField("\(section).\(name)", value, flagName: flags[name]) }
        default: throw Self.mismatch(value, name: section, type: "embed.securityConfig")
        }
    }

    private static let clientSecurity = [
        "cert-file": "cert-file", "key-file": "key-file", "client-cert-file": "client-cert-file",
        "client-key-file": "client-key-file", "client-cert-auth": "client-cert-auth",
        "trusted-ca-file": "trusted-ca-file", "auto-tls": "auto-tls", "client-crl-file": "client-crl-file",
        "allowed-cn": "client-cert-allowed-cn", "allowed-hostname": "client-cert-allowed-hostname",
    ]

    private static let peerSecurity = [
        "cert-file": "peer-cert-file", "key-file": "peer-key-file", "client-cert-file": "peer-client-cert-file",
        "client-key-file": "peer-client-key-file", "client-cert-auth": "peer-client-cert-auth",
        "trusted-ca-file": "peer-trusted-ca-file", "auto-tls": "peer-auto-tls", "allowed-cn": "peer-cert-allowed-cn",
        "allowed-hostname": "peer-cert-allowed-hostname",
        "skip-client-san-verification": "peer-skip-client-san-verification",
    ]

    private mutating func readField(
        _ name: String, _ value: YAMLValue, flagName: String?
    ) throws(ServerFlagError) {
        guard let flagName, let flag = ServerFlag.named(flagName) else { return unknownFields.append(name) }
        guard let text = try Self.text(value, name: name, flag.kind) else { return }
        if flag.name == "initial-cluster-state", flag.kind.fault(text) != nil {
            throw .conflict("unexpected clusterState \(text.goQuoted)")
        }
        if let fault = flag.kind.fault(text) {
            throw .conflict(
                flag.kind == .urls ? "unexpected error setting up \(name): \(fault)" : "invalid \(name): \(fault)")
        }
        settings.append(Setting(flag: flag, name: name, value: text))
    }

    /// The value as a flag has it; nil for one that isn't there.
    private static func text(
        _ value: YAMLValue, name: String, _ kind: ServerFlag.Kind
    ) throws(ServerFlagError) -> String? {
        switch (value, kind) {
        case (.null, _): return nil
        case (.boolean(let isOn), .boolean): return isOn ? "true" : "false"
        case (.number(let text), .number), (.number(let text), .size), (.number(let text), .integer):
            guard kind.fault(text) == nil else { throw mismatch(value, name: name, type: kind.goType) }
            return text
        case (.number(let text), .duration):
            guard let nanoseconds = Int64(text) else { throw mismatch(value, name: name, type: kind.goType) }
            return "\(nanoseconds)ns"
        case (.string(let text), .duration) where kind.fault(text) == nil: return text
        case (.string, .boolean), (.string, .number), (.string, .integer), (.string, .duration):
            throw mismatch(value, name: name, type: kind.goType)
        case (.string(let text), _): return text
        case (.list(let items), .string), (.list(let items), .urls), (.list(let items), .origins):
            var texts: [String] = []
            for item in items {
                guard case .string(let text) = item else { throw mismatch(item, name: name, type: kind.goType) }
                texts.append(text)
            }
            return texts.joined(separator: ",")
        default: throw mismatch(value, name: name, type: kind.goType)
        }
    }

    private static func mismatch(_ value: YAMLValue, name: String, type: String) -> ServerFlagError {
        .conflict(
            "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal \(value.jsonType) into Go "
                + (name.isEmpty ? "value of type \(type)" : "struct field configYAML.\(name) of type \(type)"))
    }
}

extension ServerFlag.Kind {
    /// What etcd calls the type of such a field.
    fileprivate var goType: String {
        switch self {
        case .string, .size, .urls, .origins, .choice, .features: "string"
        case .boolean: "bool"
        case .number: "uint"
        case .integer: "int64"
        case .duration: "time.Duration"
        }
    }
}
