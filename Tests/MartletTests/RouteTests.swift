// SPDX-License-Identifier: Apache-2.0

import Martlet
import Testing

@Suite struct RouteTests {
    @Test(arguments: [
        "/Greeter/Hello", "/a.b.c.Greeter/Hello", "/any.pkg.Greeter/Hello", "/go.micro.server.Greeter/Hello",
    ])
    func onlyTheLastPartCounts(_ path: String) {
        #expect(Route.target(of: path) == .endpoint(handler: "Greeter", method: "Hello"))
    }

    @Test(arguments: ["", "/", "Hello", "/Greeter", "/Greeter/", "//Hello", "/a.b./Hello", "/a/b/c", "Greeter/Hello"])
    func otherPathsAreMalformed(_ path: String) {
        #expect(Route.target(of: path) == .malformed)
    }

    @Test func pathsOfEndpoints() {
        #expect(Route.path(service: "go.micro.server", endpoint: "Greeter.Hello") == "/go.micro.server.Greeter/Hello")
        #expect(Route.path(service: "", endpoint: "Greeter.Hello") == "/Greeter/Hello")
        #expect(Route.path(service: "x", endpoint: "/pkg.Greeter/Hello") == "/pkg.Greeter/Hello")
        for endpoint in ["", "Hello", "a.b.c", ".b", "a."] {
            #expect(Route.path(service: "x", endpoint: endpoint) == nil)
        }
    }

    @Test func codecFollowsSubtypeThenHeader() {
        func subtype(_ contentSubtype: String, _ header: String?) -> String? {
            MessageCodec.selected(contentSubtype: contentSubtype, xContentType: { header }, custom: [])?.subtype
        }
        #expect(subtype("proto", "application/json") == "proto")
        #expect(subtype("json", "application/grpc+proto") == "json")
        #expect(subtype("", nil) == "proto")
        #expect(subtype("", "application/json") == "json")
        #expect(subtype("", "application/grpc+json") == "json")
        #expect(subtype("", "application/grpc+proto") == "proto")
        #expect(subtype("msgpack", nil) == nil)
    }
}
