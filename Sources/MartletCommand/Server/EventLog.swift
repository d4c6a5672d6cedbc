// SPDX-License-Identifier: Apache-2.0

package import Logging

/// A log handler that writes each event as one line to standard error.
///
/// As JSON a line has etcd's keys `level`, `ts`, `caller` and `msg`, then the event's metadata:
///
///     {"level":"info","ts":"2026-01-31T12:00:00.000000Z","caller":"ServerRun.swift:52","msg":"…","name":"default"}
package struct EventLog: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    private let format: LogSetting.Format

    package init(format: LogSetting.Format, level: Logger.Level) {
        self.format = format
        self.logLevel = level
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
        StandardStream.error.write(line)
    }

    /// The text of one event, with its line end.
    package static func line(
        _ format: LogSetting.Format, level: Logger.Level, time: WallTime, caller: String, message: String,
        fields: Logger.Metadata
    ) -> String {
        let sorted = fields.sorted { $0.key < $1.key }.map { ($0.key, $0.value.description) }
        switch format {
        case .json:
            let all = [("level", name(level)), ("ts", time.description), ("caller", caller), ("msg", message)] + sorted
            return JSONLine.object(all) + "\n"
        case .console:
            let text = sorted.map { "  \($0.0)=\($0.1)" }.joined()
            // An event stays on one line, whatever is in it.
            let line = "\(time.clock) \(name(level).uppercased()) \(message)\(text)"
            return String(line.map { $0.isNewline ? " " : $0 }) + "\n"
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
