// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletHTTP2Session
import Testing

@Suite struct CallMetadataTests {
    @Test func keysIgnoreCase() {
        var metadata: CallMetadata = ["X-Trace-Id": "abc"]
        #expect(metadata["x-trace-id"] == "abc")
        #expect(metadata["X-TRACE-ID"] == "abc")
        #expect(metadata["x-trace"] == nil)
        #expect(metadata[0].key == "x-trace-id")
        metadata["x-Trace-id"] = "def"
        #expect(metadata.count == 1)
        #expect(metadata["X-trace-ID"] == "def")
        metadata["X-TRACE-ID"] = nil
        #expect(metadata.isEmpty)
    }

    @Test func caseFoldingTouchesLettersOnly() {
        // "@" and "`", "[" and "{" differ in the same bit as letters do.
        let metadata: CallMetadata = ["a`{": "1"]
        #expect(metadata["A@["] == nil)
        #expect(metadata["A`{"] == "1")
    }

    @Test func severalValuesKeepTheirOrder() {
        var metadata = CallMetadata()
        metadata.add("1", for: "X-A")
        metadata.add("2", for: "x-a")
        #expect(metadata["x-a"] == "1, 2")
        #expect(metadata.values(for: "X-a") == ["1", "2"])
        #expect(metadata.contains("X-A"))
    }

    /// What HTTP/2 can't carry fails the call before it leaves, and says why.
    @Test func whatCannotBeSentIsNamed() async throws {
        let faults: [(CallMetadata, String)] = [
            (["a b": "1"], "\"a b\" can't be a key of metadata"), (["": "1"], "\"\" can't be a key of metadata"),
            (["käse": "1"], "\"käse\" can't be a key of metadata"),
            (["x-line": "a\nb"], "\"x-line\" has a value with control characters"),
            (["x-nul": "a\0"], "\"x-nul\" has a value with control characters"),
        ]
        let registry = InMemoryRegistry()
        try await withService(CallInterceptorTests.service(registry)) { _ in
            try await withMicroClient(registry: registry, configure: patiently) { (client) async throws in
                for (metadata, text) in faults {
                    let error = await EndpointLimitsTests.failure {
                        let _: Answer = try await client.call("test.calls", "Echo.Say", Question(name: "a")) {
                            $0.metadata = metadata
                        }
                    }
                    #expect(error?.code == .badRequest)
                    #expect(error?.detail.contains(text) == true, "\(error?.detail ?? "no error")")
                }
                let reply: MicroResponse<Answer> = try await client.call(
                    "test.calls", "Echo.Say", Question(name: "a")
                ) { $0.metadata = ["x-sent": "grün\tund gut"] }
                #expect(reply.metadata["x-seen"] == "grün\tund gut")
            }
        }
    }

    @Test func reservedHeadersStayOutside() {
        var headers = HeaderBlock()
        for name in [":path", "te", "grpc-timeout", "content-type", "timeout", "x-content-type"] {
            headers.append(name, "v")
        }
        headers.append("x-mine", "1")
        headers.append("user-agent", "test")
        let metadata = CallMetadata(headers: headers)
        #expect(metadata.map(\.key) == ["x-mine", "user-agent"])

        let hostile: CallMetadata = ["grpc-status": "0", ":path": "/x", "x-ok": "1"]
        var out: [String] = []
        hostile.headers.forEach { name, _ in out.append(name) }
        #expect(out == ["x-ok"])
    }
}
