// SPDX-License-Identifier: Apache-2.0

import MartletCommand
import Testing

@Suite struct MethodNameTests {
    static let services = ["Greeter", "a.v1.Orders", "b.v2.Orders", "helloworld.Hello"]

    @Test(arguments: [
        ("Hello", "Greeter", "/Greeter/Hello"),
        ("Greeter.Hello", "go.micro.server", "/Greeter/Hello"),
        ("/helloworld.Hello/Say", "x", "/helloworld.Hello/Say"),
        ("helloworld.Hello/Say", "", "/helloworld.Hello/Say"),
        ("helloworld.Hello.Say", "", "/helloworld.Hello/Say"),
        ("Hello.Say", "", "/helloworld.Hello/Say"),
        ("Orders.List", "b.v2.Orders", "/b.v2.Orders/List"),
        ("a.v1.Orders.List", "", "/a.v1.Orders/List"),
    ]) func finds(_ endpoint: String, _ service: String, _ path: String) {
        #expect(MethodName(endpoint: endpoint, of: service, among: Self.services)?.path == path)
    }

    @Test(arguments: [("Hello", "go.micro.server"), ("Orders.List", ""), ("No.Where", "Greeter")])
    func findsNothing(_ endpoint: String, _ service: String) {
        #expect(MethodName(endpoint: endpoint, of: service, among: Self.services) == nil)
    }

    @Test func namesThatAreNearAreNamed() {
        let known = ["go.micro.server", "billing", "orders"]
        #expect(UnknownName.sentence("no \"oders\"", "oders", known) == "no \"oders\"; did you mean orders?")
        #expect(UnknownName.sentence("no \"bill\"", "bill", known) == "no \"bill\"; did you mean billing?")
        #expect(
            UnknownName.sentence("no \"x\"", "shipping", known)
                == "no \"x\"; there are: billing, go.micro.server, orders")
        #expect(UnknownName.sentence("no \"x\" in r", "x", []) == "no \"x\" in r, which is empty")
    }
}
