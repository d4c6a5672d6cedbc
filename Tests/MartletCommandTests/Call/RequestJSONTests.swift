// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletCommand
import MartletProcesses
import MartletTestPrograms
import Testing

@Suite struct RequestJSONTests {
    @Test(arguments: [
        "{}", #"{"name": "John"}"#, "[1, 2]", #""text""#, "12", "null", "  {\n}\n", #"{"n": 9007199254740993}"#,
    ])
    func takesAnyValue(_ text: String) {
        #expect(RequestJSON.problem(in: text) == nil)
    }

    @Test(arguments: ["{bad", #"{"name":"#, "{} {}", #"{'name': 1}"#, "John", "{]"])
    func saysWhatIsNone(_ text: String) throws {
        let problem = try #require(RequestJSON.problem(in: text))
        #expect(problem.hasPrefix("is not JSON"))
        #expect(problem.hasSuffix(text))
        #expect(!problem.contains("NSError"))
    }

    @Test func emptyTextAndLongTextAreSaidShortly() throws {
        #expect(RequestJSON.problem(in: " \n") == "is empty; {} is a request without fields")
        let long = try #require(RequestJSON.problem(in: "{" + String(repeating: "x", count: 5000)))
        #expect(long.count < 300)
    }

    /// Port 1 refuses: a run that connected would end with exit code 1 and the error of the connect.
    @Test(.timeLimit(.minutes(30))) func nothingIsConnectedForABadRequest() async throws {
        let errors = FileManager.default.temporaryDirectory.appendingPathComponent("martlet-call-\(UUID())")
        defer { try? FileManager.default.removeItem(at: errors) }
        let (exits, sink) = AsyncStream.makeStream(of: ChildProcess.Exit.self)
        _ = try ChildProcess.start(
            BuiltBinary.path, ["call", "x", "A.B", "{bad", "--address", "127.0.0.1:1"], environment: [:],
            errorFile: errors.path, onLine: { _ in }, onExit: { sink.yield($0) })
        #expect(await exits.first { _ in true } == .code(64))
        #expect(try String(contentsOf: errors, encoding: .utf8).contains("the request is not JSON"))
    }
}
