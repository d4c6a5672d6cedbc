// SPDX-License-Identifier: Apache-2.0

package import Logging

/// A log handler that writes each event as one line to standard error, or wherever it is told to.
///
/// As JSON a line has etcd's keys `level`, `ts`, `caller` and `msg`, then the event's metadata:
///
///     {"level":"info","ts":"2026-01-31T12:00:00.000000Z","caller":"ServerRun.swift:52","msg":"…","name":"default"}
package struct EventLog: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    private let format: LogSetting.Format
    private let write: @Sendable (String) -> Void

    /// - Parameter write: Takes each line, with its end.
    package init(
        format: LogSetting.Format, level: Logger.Level,
        write: @escaping @Sendable (String) -> Void = { StandardStream.error.write($0) }
    ) {
        self.format = format
        self.logLevel = level
        self.write = write
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var fields = metadata.merging(event.metadata ?? [:]) { $1 }
        if let error = event.error { fields["error"] = "\(error)" }
        let line = Self.line(
            format, level: event.level, time: .now(), caller: "\(Self.shortened(event.file)):\(event.line)",
            message: event.message.description, fields: fields)
        write(line)
    }

    /// The text of one event, with its line end.
    package static func line(
        _ format: LogSetting.Format, level: Logger.Level, time: WallTime, caller: String, message: String,
        fields: Logger.Metadata
    ) -> String {
        let sorted = fields.sorted { $0.key < $1.key }
        switch format {
        case .json:
            let head = [("level", name(level)), ("ts", time.description), ("caller", caller), ("msg", message)]
            let all = head.map { ($0.0, JSONLine.string($0.1)) } + sorted.map { ($0.key, json($0.value)) }
            return JSONLine.object(values: all) + "\n"
        case .console:
            let text = sorted.map { "  \($0.key)=\($0.value)" }.joined()
            // An event stays on one line, whatever is in it, and a terminal obeys nothing of it.
            let line = "\(time.clock) \(name(level).uppercased()) \(message)\(text)"
            return PeerText.line(String(line.map { $0.isNewline ? " " : $0 })) + "\n"
        }
    }

    /// Numbers, truth values and lists are what they are, as zap writes them; all else is text.
    private static func json(_ value: Logger.MetadataValue) -> String {
        switch value {
        case .string(let text): JSONLine.string(text)
        case .array(let items): "[" + items.map(json).joined(separator: ",") + "]"
        case .dictionary(let fields):
            JSONLine.object(values: fields.sorted { $0.key < $1.key }.map { ($0.key, json($0.value)) })
        case .stringConvertible(let value):
            switch value {
            case let number as any BinaryInteger: "\(number)"
            case let isTrue as Bool: "\(isTrue)"
            default: JSONLine.string(value.description)
            }
        }
    }

    private static func name(_ level: Logger.Level) -> String {
        switch level {
        case .trace, .debug: "debug"
        case .info, .notice: "info"
        case .warning: "warn"
        case .error: "error"
        case .critical: "fatal"
        }
    }

    /// The last folder and the file's name: what zap calls the caller.
    private static func shortened(_ path: String) -> String {
        path.split(separator: "/").suffix(2).joined(separator: "/")
    }
}
