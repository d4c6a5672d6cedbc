// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Where the log goes, as `--log-outputs` and the flags of rotation say.
package struct LogOutputs: Sendable, Equatable {
    package enum Output: Sendable, Equatable {
        case error
        case output
        case file(String)
    }

    package var outputs: [Output] = [.error]
    /// When the file is begun anew; nil: never.
    package var rotation: LogRotation?

    package init() {}

    init(_ flags: ServerFlags, _ notices: inout [ServerNotice]) throws(ServerFlagError) {
        let logger = flags.string("logger")
        guard logger != "capnslog" else { throw .conflict("--logger=capnslog is removed in v3.5") }
        guard logger == "zap" else { throw .conflict("unknown logger option \(logger.goQuoted)") }
        var names: [String] = []
        for name in flags.strings("log-outputs") where !names.contains(name) { names.append(name) }
        if names.isEmpty { names = ["default"] }
        guard names.count == 1 || !names.contains("default") else {
            throw .conflict("multi logoutput for \"default\" is not supported yet")
        }
        outputs = names.map { name in
            switch name {
            case "default", "stderr", "systemd/journal": .error
            case "stdout": .output
            default: .file(name)
            }
        }
        if names.contains("systemd/journal") {
            notices.append(
                ServerNotice(.warning, "the log goes to standard error, which the journal keeps as it is"))
        }
        guard flags.boolean("enable-log-rotation") else { return }
        let files = outputs.filter { if case .file = $0 { true } else { false } }
        guard files.count == 1 else {
            throw .conflict("--log-outputs requires a single file path when --log-rotate-config-json is defined")
        }
        rotation = try LogRotation(json: flags.string("log-rotation-config-json"))
        if rotation?.compress == true {
            notices.append(ServerNotice(.warning, "without effect yet: compress in --log-rotation-config-json"))
        }
    }
}

/// When a log file is begun anew and which old ones stay. etcd's fields. Source: etcd server/embed, lumberjack.
package struct LogRotation: Sendable, Equatable, Decodable {
    /// In units of 1024 times 1024 bytes; 0 means 100.
    package var maxsize = 100
    /// In days; 0: for ever.
    package var maxage = 0
    /// How many old files stay; 0: all.
    package var maxbackups = 0
    /// Names of old files bear the time of this place, not UTC.
    package var localtime = false
    package var compress = false

    package init() {}

    private enum Key: String, CodingKey { case maxsize, maxage, maxbackups, localtime, compress }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        maxsize = try fields.decodeIfPresent(Int.self, forKey: .maxsize) ?? 0
        if maxsize <= 0 { maxsize = 100 }
        maxage = try fields.decodeIfPresent(Int.self, forKey: .maxage) ?? 0
        maxbackups = try fields.decodeIfPresent(Int.self, forKey: .maxbackups) ?? 0
        localtime = try fields.decodeIfPresent(Bool.self, forKey: .localtime) ?? false
        compress = try fields.decodeIfPresent(Bool.self, forKey: .compress) ?? false
    }

    init(json: String) throws(ServerFlagError) {
        do {
            self = try JSONDecoder().decode(LogRotation.self, from: Data(json.utf8))
        } catch DecodingError.typeMismatch(_, let context) {
            let field = context.codingPath.map(\.stringValue).joined(separator: ".")
            throw .conflict("invalid log rotation config: \(field.isEmpty ? "not an object" : "the type of \(field)")")
        } catch {
            throw .conflict("improperly formatted log rotation config: not a JSON object")
        }
    }

    var maximumBytes: Int { maxsize << 20 }
}
