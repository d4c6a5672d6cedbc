// SPDX-License-Identifier: Apache-2.0

import Foundation
import Martlet
import MartletGreeterFixture
import SwiftProtobuf
import Testing

@Suite struct ShapeTests {
    static func lines(_ record: ValueRecord, indent: String = "") -> [String] {
        ["\(indent)\(record.name): \(record.type)"]
            + (record.values ?? []).flatMap { Self.lines($0, indent: indent + "  ") }
    }

    struct Address: Codable {
        var street: String
        var geo: Geo
    }
    struct Geo: Codable {
        var latitude: Double
        var tooDeep: Deep
    }
    struct Deep: Codable { var x: Int }
    enum Color: String, Codable, CaseIterable { case red, green }
    final class Node: Codable { var next: Node?; var value: Int32 = 0 }

    struct Everything: Codable {
        var text: String
        var number: Int
        var small: UInt8
        var ratio: Float
        var flag: Bool
        var list: [String]
        var addresses: [Address]
        var map: [String: Int]
        var blob: Data
        var id: UUID
        var when: Date
        var link: URL
        var address: Address
        var color: Color
        var maybe: Int64?
        var maybeAddress: Address?
        var last: String

        enum CodingKeys: String, CodingKey {
            case text, number, small, ratio, flag, list, addresses, map, blob, id, when, link, address, color, maybe
            case maybeAddress = "maybe_address"
            case last
        }
    }

    @Test func codableTypesAreDescribed() {
        #expect(
            Self.lines(CodableShape.record(of: Everything.self)) == [
                "Everything: Everything", "  text: string", "  number: int64", "  small: uint8", "  ratio: float32",
                "  flag: bool", "  list: []string", "  addresses: []Address", "  map: ", "  blob: []uint8",
                "  id: string", "  when: float64", "  link: string", "  address: Address", "    street: string",
                "    geo: Geo", "  color: Color", "  maybe: int64", "  maybe_address: Address", "    street: string",
                "    geo: Geo", "  last: string",
            ])
    }

    @Test func typesThatHoldThemselvesEnd() {
        let lines = Self.lines(CodableShape.record(of: Node.self))
        #expect(lines.prefix(2) == ["Node: Node", "  next: Node"])
        #expect(lines.last == "  value: int32")
        #expect(lines.count < 10)
    }

    @Test func scalarsAndListsHaveNoFields() {
        #expect(CodableShape.record(of: String.self) == ValueRecord(name: "string", type: "string"))
        #expect(CodableShape.record(of: [Int].self).values == nil)
    }

    @Test func greeterIsDescribedAsByGoMicro() {
        #expect(
            Self.lines(ProtobufShape.record(of: HelloRequest.self)) == ["HelloRequest: HelloRequest", "  name: string"])
        #expect(
            Self.lines(ProtobufShape.record(of: HelloResponse.self)) == [
                "HelloResponse: HelloResponse", "  greeting: string", "  metadata: ", "  deadline_left_ns: int64",
                "  blob: []uint8", "  big_number: int64", "  node_tags: []string",
            ])
    }

    @Test func nestedMessagesAndOneofsAreDescribed() {
        // Well-known types are at hand in every build: enums, repeated messages, oneofs and recursion.
        let value = Self.lines(ProtobufShape.record(of: Google_Protobuf_Value.self))
        #expect(value.contains("  number_value: float64"))
        #expect(value.contains("  list_value: ListValue"))
        #expect(value.contains("    values: []Value"))
        let method = Self.lines(ProtobufShape.record(of: Google_Protobuf_Type.self))
        #expect(method.contains("  fields: []Field"))
        #expect(method.contains("  source_context: SourceContext"))
        #expect(method.contains("    file_name: string"))
    }
}
