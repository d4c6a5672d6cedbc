// SPDX-License-Identifier: Apache-2.0

extension ServiceRecord {
    /// The record as go-micro 1.18 stores it: one line of JSON, fields in the order of Go's structs, maps by key.
    package var jsonBytes: [UInt8] {
        var text = JSONText(capacity: 1024)
        text.raw("{\"name\":")
        text.string(self.name)
        text.raw(",\"version\":")
        text.string(self.version)
        text.raw(",\"metadata\":")
        text.object(self.metadata)
        text.raw(",\"endpoints\":")
        text.array(self.endpoints) { $0.write(to: &$1) }
        text.raw(",\"nodes\":")
        text.array(self.nodes) { $0.write(to: &$1) }
        text.raw("}")
        return text.bytes
    }
}

extension ServiceRecord {
    /// What go-micro's multicast registry writes of a node: the names of Go's fields, as they are.
    package var multicastBytes: [UInt8] {
        var text = JSONText(capacity: 1024)
        text.raw("{\"Service\":")
        text.string(self.name)
        text.raw(",\"Version\":")
        text.string(self.version)
        text.raw(",\"Endpoints\":")
        text.array(self.endpoints) { $0.write(to: &$1) }
        text.raw(",\"Metadata\":")
        text.object(self.nodes.first?.metadata)
        text.raw("}")
        return text.bytes
    }
}

extension NodeRecord {
    fileprivate func write(to text: inout JSONText) {
        text.raw("{\"id\":")
        text.string(self.id)
        text.raw(",\"address\":")
        text.string(self.address)
        text.raw(",\"metadata\":")
        text.object(self.metadata)
        text.raw("}")
    }
}

extension EndpointRecord {
    fileprivate func write(to text: inout JSONText) {
        text.raw("{\"name\":")
        text.string(self.name)
        text.raw(",\"request\":")
        ValueRecord.write(self.request, to: &text)
        text.raw(",\"response\":")
        ValueRecord.write(self.response, to: &text)
        text.raw(",\"metadata\":")
        text.object(self.metadata)
        text.raw("}")
    }
}

extension ValueRecord {
    fileprivate static func write(_ value: ValueRecord?, to text: inout JSONText) {
        guard let value else { return text.raw("null") }
        text.raw("{\"name\":")
        text.string(value.name)
        text.raw(",\"type\":")
        text.string(value.type)
        text.raw(",\"values\":")
        text.array(value.values) { Self.write($0, to: &$1) }
        text.raw("}")
    }
}
