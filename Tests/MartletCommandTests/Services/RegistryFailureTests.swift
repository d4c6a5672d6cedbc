// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletCommand
import MartletEtcdClient
import Testing

@Suite struct RegistryFailureTests {
    private static func text(_ error: any Error, _ limit: Duration = .seconds(5)) -> String {
        RegistryFailure.text(error, registry: "h:1", limit: limit)
    }

    @Test func saysWhatHelps() async throws {
        let passed = await #expect(throws: TimeLimitPassed.self) {
            try await withTimeLimit(.milliseconds(1)) { try await Task.sleep(for: .seconds(600)) }
        }
        let late = "the registry h:1 did not answer within 5s. Is `martlet server` or etcd running, and well?"
        #expect(Self.text(try #require(passed)) == late)
        #expect(Self.text(EtcdError(.timeout, "context deadline exceeded")) == late)
        let closed = EtcdError(.unavailable, "transport is closing")
        #expect(RegistryFailure.text(closed, registry: "h:1", limit: .seconds(5), isLate: true) == late)
        #expect(Self.text(EtcdError(.timeout, ""), .milliseconds(1500)).contains("within 1500ms."))
        #expect(
            Self.text(EtcdError(.unavailable, "refused"))
                == "the registry h:1 can't be read: unavailable: refused. Is `martlet server` or etcd running?")
        for error in [
            EtcdError(.denied, "etcdserver: permission denied"),
            EtcdError(.invalidRequest, "etcdserver: user name is empty"),
        ] {
            #expect(Self.text(error).hasSuffix(". Say who asks: --user name:password, or --cert and --key"))
        }
        #expect(Self.text(EtcdError(.unavailable, "x CERTIFICATE_VERIFY_FAILED y")).hasSuffix("name that by --cacert"))
        #expect(Self.text(EtcdError(.other, "x")) == "the registry h:1 can't be read: other: x")
    }
}
