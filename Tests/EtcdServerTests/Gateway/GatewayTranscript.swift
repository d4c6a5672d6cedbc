// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Requests to a real etcd and its answers, as they were seen on the wire.
struct GatewayTranscript {
    struct Exchange: Sendable {
        var method: String
        var port: Int
        var path: String
        var requestBody: String
        var status: Int
        var contentType: String
        var body: String
    }

    var exchanges: [Exchange] = []

    /// A file of `Tests/Fixtures/Transcripts`: `--- URL -d BODY`, or `--- -X METHOD URL`, then the answer, closed by
    /// ` [STATUS TYPE]`. What follows the last such answer is left out.
    init(file name: String) throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Fixtures/Transcripts")
        let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
        for entry in text.components(separatedBy: "--- ").dropFirst() {
            let lineEnd = entry.firstIndex(of: "\n") ?? entry.endIndex
            guard let mark = entry.range(of: " [", options: .backwards),
                let markEnd = entry[mark.upperBound...].firstIndex(of: "]"), mark.lowerBound >= lineEnd
            else { continue }
            let mark2 = entry[mark.upperBound..<markEnd].split(separator: " ", maxSplits: 1)
            var line = entry[..<lineEnd]
            var method = "GET"
            if line.hasPrefix("-X ") {
                method = String(line.dropFirst(3).prefix { $0 != " " })
                line = line.dropFirst(4 + method.count)
            }
            let parts = line.components(separatedBy: " -d ")
            if parts.count > 1 { method = "POST" }
            let target = parts[0].components(separatedBy: " ")[0]
            guard let url = URLComponents(string: target), mark2.count == 2 else { continue }
            exchanges.append(
                Exchange(
                    method: method, port: url.port ?? 0, path: url.path + (url.query.map { "?" + $0 } ?? ""),
                    requestBody: parts.count > 1 ? parts[1] : "", status: Int(mark2[0]) ?? 0,
                    contentType: String(mark2[1]),
                    body: String(entry[entry.index(after: lineEnd)..<mark.lowerBound])))
        }
    }
}
