// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension ServiceRecord {
    /// The largest stored record that is read: a record lists endpoints, which is never megabytes.
    package static let maximumBytes = 1 << 20

    /// Reads a stored record leniently.
    ///
    /// Fields may come in any order, unknown ones are skipped, and `null`, `{}`, `[]` or a missing field all read as
    /// absent. Nodes without an id or an address are dropped, since nobody could call them.
    ///
    /// - Returns: `nil` when the bytes aren't a JSON object with a service name.
    package init?(jsonBytes: some Sequence<UInt8>) {
        let data = Data(jsonBytes)
        guard data.count <= Self.maximumBytes, let wire = try? JSONDecoder().decode(WireService.self, from: data) else {
            return nil
        }
        self = wire.record
    }
}

extension ServiceRecord {
    /// Reads what go-micro's multicast registry writes of a node. The node has its metadata and nothing else.
    package init?(multicastBytes bytes: [UInt8]) {
        guard bytes.count <= Self.maximumBytes,
            let wire = try? JSONDecoder().decode(WireText.self, from: Data(bytes))
        else { return nil }
        self = wire.record
    }
}

private struct WireText: Decodable {
    var record: ServiceRecord

    enum CodingKeys: String, CodingKey {
        case name = "Service"
        case version = "Version"
        case endpoints = "Endpoints"
        case metadata = "Metadata"
    }

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.record = ServiceRecord(
            name: try fields.decode(String.self, forKey: .name), version: fields.lenientString(.version),
            endpoints: fields.lenientList(.endpoints, of: WireEndpoint.self)?.map(\.record),
            nodes: [NodeRecord(id: "", address: "", metadata: fields.lenient(.metadata))])
    }
}

/// A list that also reads `null`, `{}` and anything else that isn't a list, as absent.
private struct LenientList<Element: Decodable>: Decodable {
    var elements: [Element]?

    init(from decoder: any Decoder) throws {
        self.elements = try? [Lenient<Element>](from: decoder).compactMap(\.value)
    }
}

/// A value that reads as `nil` where it has the wrong shape.
private struct Lenient<Value: Decodable>: Decodable {
    var value: Value?

    init(from decoder: any Decoder) throws { self.value = try? Value(from: decoder) }
}

private struct WireService: Decodable {
    var record: ServiceRecord

    enum CodingKeys: String, CodingKey { case name, version, metadata, endpoints, nodes }

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        let name = try fields.decode(String.self, forKey: .name)
        guard !name.isEmpty else {
            throw DecodingError.dataCorruptedError(forKey: .name, in: fields, debugDescription: "empty service name")
        }
        self.record = ServiceRecord(
            name: name, version: fields.lenientString(.version), metadata: fields.lenient(.metadata),
            endpoints: fields.lenientList(.endpoints, of: WireEndpoint.self)?.map(\.record),
            nodes: fields.lenientList(.nodes, of: WireNode.self)?.map(\.record)
                .filter { !$0.id.isEmpty && !$0.address.isEmpty } ?? [])
    }
}

private struct WireNode: Decodable {
    var record: NodeRecord

    enum CodingKeys: String, CodingKey { case id, address, metadata }

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.record = NodeRecord(
            id: fields.lenientString(.id), address: fields.lenientString(.address), metadata: fields.lenient(.metadata))
    }
}

private struct WireEndpoint: Decodable {
    var record: EndpointRecord

    enum CodingKeys: String, CodingKey { case name, request, response, metadata }

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        let request: WireValue? = fields.lenient(.request)
        let response: WireValue? = fields.lenient(.response)
        self.record = EndpointRecord(
            name: fields.lenientString(.name), request: request?.record, response: response?.record,
            metadata: fields.lenient(.metadata))
    }
}

private struct WireValue: Decodable {
    var record: ValueRecord

    enum CodingKeys: String, CodingKey { case name, type, values }

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        // An empty object stands for an absent value.
        guard !fields.allKeys.isEmpty else {
            throw DecodingError.valueNotFound(
                ValueRecord.self, .init(codingPath: decoder.codingPath, debugDescription: "empty value"))
        }
        self.record = ValueRecord(
            name: fields.lenientString(.name), type: fields.lenientString(.type),
            values: fields.lenientList(.values, of: WireValue.self)?.map(\.record))
    }
}

extension KeyedDecodingContainer {
    fileprivate func lenient<Value: Decodable>(_ key: Key) -> Value? {
        (try? self.decodeIfPresent(Value.self, forKey: key)) ?? nil
    }

    fileprivate func lenientString(_ key: Key) -> String { self.lenient(key) ?? "" }

    fileprivate func lenientList<Element: Decodable>(_ key: Key, of type: Element.Type) -> [Element]? {
        let list: LenientList<Element>? = self.lenient(key)
        return list?.elements
    }
}
