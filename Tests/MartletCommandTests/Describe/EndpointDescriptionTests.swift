// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletCommand
import MartletJSON
import Testing

@Suite struct EndpointDescriptionTests {
    @Test func recordsBecomeTemplates() {
        let item = [ValueRecord(name: "sku", type: "string"), ValueRecord(name: "count", type: "int32")]
        let record = EndpointRecord(
            name: "Shop.Order",
            request: ValueRecord(
                name: "OrderRequest", type: "OrderRequest",
                values: [
                    ValueRecord(name: "state", type: "MessageState"), ValueRecord(name: "id", type: "int64"),
                    ValueRecord(name: "tags", type: "[]string"),
                    ValueRecord(name: "items", type: "[]Item", values: item),
                    ValueRecord(name: "blob", type: "[]uint8"), ValueRecord(name: "urgent", type: "bool"),
                    ValueRecord(name: "labels", type: ""), ValueRecord(name: "first", type: "Item", values: item),
                ]),
            response: ValueRecord(name: "Empty", type: "Empty"))
        let description = EndpointDescription(record)
        #expect(
            description.lines == [
                "  Shop.Order",
                #"    request   {"id":0,"tags":[""],"items":[{"sku":"","count":0}],"blob":"","urgent":false,"#
                    + #""labels":{},"first":{"sku":"","count":0}}"#,
                "    response  {}",
            ])
        #expect(description.json["stream"] == .bool(false))
    }

    @Test func streamsAreCompletedByReflection() {
        let record = EndpointRecord(
            name: "Greeter.Count", request: ValueRecord(name: "Context", type: "Context"),
            response: ValueRecord(name: "Stream", type: "Stream"), metadata: ["stream": "true"])
        var description = EndpointDescription(record)
        #expect(description.lines == ["  Greeter.Count (stream)"])
        var other = description
        other.name = "greet.v1.Greeter.Count"
        other.streamsRequests = false
        other.request = .object([("upto", .string("0"))])
        description.complete(with: other)
        #expect(description.lines == ["  Greeter.Count (server stream)", #"    request   {"upto":"0"}"#])
        other.name = "greet.v1.OtherGreeter.Count"
        other.request = nil
        description.complete(with: other)
        #expect(description.request != nil)
    }
}
