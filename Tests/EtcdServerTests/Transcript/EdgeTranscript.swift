// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Requests at the edges of etcd's API and what a real etcd 3.6.14 answered, one answer a line:
///
///     NAME -> OK RESPONSE
///     NAME -> CODE(NUMBER) "TEXT"
///     NAME -> (silence)
///
/// A response is written in protobuf's text form, as Go writes it in one line. Rows of one name next to each other are
/// the answers to one request.
struct EdgeTranscript {
    struct Row: Sendable, Equatable {
        var name: String
        var answers: [EdgeAnswer]
    }

    var rows: [Row] = []

    /// Where the recorder has cut a line.
    private static let cut = "..."

    /// - Parameter whole: the answers that were cut, by their rows' names: each has to begin as the line does.
    init(file name: String, whole: [String: String]) throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Fixtures/Transcripts")
        let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
        for line in text.split(separator: "\n") {
            guard let arrow = line.firstRange(of: " -> ") else { throw Malformed(line: String(line)) }
            let name = String(line[..<arrow.lowerBound].reversed().drop { $0 == " " }.reversed())
            var answer = String(line[arrow.upperBound...])
            if answer.hasSuffix(Self.cut) {
                guard let full = whole[name], full.hasPrefix(answer.dropLast(Self.cut.count)) else {
                    throw Malformed(line: String(line))
                }
                answer = full
            }
            guard let parsed = EdgeAnswer(answer) else { throw Malformed(line: String(line)) }
            if rows.last?.name == name {
                rows[rows.count - 1].answers.append(parsed)
            } else {
                rows.append(Row(name: name, answers: [parsed]))
            }
        }
    }

    struct Malformed: Error {
        var line: String
    }
}

/// What a request was answered with.
enum EdgeAnswer: Sendable, Equatable, CustomStringConvertible {
    /// A message in protobuf's text form.
    case response(String)
    case failure(code: Int, text: String)
    case silence

    init?(_ text: String) {
        if text == "(silence)" {
            self = .silence
        } else if text == "OK" || text.hasPrefix("OK ") {
            self = .response(String(text.dropFirst(3)))
        } else {
            guard let match = text.wholeMatch(of: /[A-Za-z]+\(([0-9]+)\) "(.*)"/), let code = Int(match.1) else {
                return nil
            }
            self = .failure(code: code, text: String(match.2))
        }
    }

    var isTimeOut: Bool {
        if case .failure(code: 4, _) = self { true } else { false }
    }

    var description: String {
        switch self {
        case .response(let text): text
        case .failure(let code, let text): "(\(code)) \(text)"
        case .silence: "(silence)"
        }
    }
}
