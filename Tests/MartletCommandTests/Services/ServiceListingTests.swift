// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletCommand
import Testing

@Suite struct ServiceListingTests {
    private let greeter = ServiceRecord(
        name: "greeter", version: "1",
        endpoints: [
            EndpointRecord(name: "Greeter.Hello"),
            EndpointRecord(name: "Greeter.Count", metadata: ["stream": "true"]),
        ],
        nodes: [
            NodeRecord(id: "greeter-1", address: "10.0.0.1:80"), NodeRecord(id: "greeter-2", address: "[::1]:8080"),
        ])

    @Test func showsATable() {
        let bare = ServiceRecord(name: "x", version: "", nodes: [NodeRecord(id: "x-1", address: "h:1")])
        #expect(
            ServiceListing.table([greeter, bare]) == [
                "SERVICE  VERSION  NODE       ADDRESS      ENDPOINTS",
                "greeter  1        greeter-1  10.0.0.1:80  Greeter.Hello, Greeter.Count (stream)",
                "                  greeter-2  [::1]:8080",
                "x                 x-1        h:1",
            ])
        #expect(ServiceListing.table([]) == ["no services are registered"])
    }

    @Test func showsChanges() {
        #expect(
            ServiceListing.line(.snapshot([greeter])) == [
                "+ greeter 1  greeter-1  10.0.0.1:80", "+ greeter 1  greeter-2  [::1]:8080",
            ])
        #expect(ServiceListing.line(.remove(service: "greeter", nodeID: "greeter-1")) == ["- greeter  greeter-1"])
        #expect(
            ServiceListing.jsonLine(.remove(service: "greeter", nodeID: "greeter-1"))
                == [#"{"event":"remove","service":"greeter","node":"greeter-1"}"#])
    }

    @Test func writesRecordsAsTheyAreStored() throws {
        let line = try #require(ServiceListing.json([greeter]).first)
        #expect(ServiceRecord(jsonBytes: line.utf8) == greeter)
        let change = try #require(ServiceListing.jsonLine(.put(greeter)).first)
        #expect(change == "{\"event\":\"put\",\"service\":\(line)}")
    }
}
