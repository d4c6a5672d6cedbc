// SPDX-License-Identifier: Apache-2.0

internal import Martlet
internal import MartletEtcdClient

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// How nodes are written into etcd.
public struct EtcdRecordLayout: Sendable {
    enum Kind: Sendable, Hashable {
        case goMicro
        case grpcNaming(prefix: String)
    }

    let kind: Kind

    /// go-micro's: `/micro/registry/<service>/<node id>`, with a service record of one node as JSON.
    public static var goMicro: EtcdRecordLayout { EtcdRecordLayout(kind: .goMicro) }

    /// The one that etcd's own resolver for gRPC clients reads: `<service>/<address>`, with
    /// `{"Op":0,"Addr":"host:port","Metadata":{…}}`.
    ///
    /// The version travels in the metadata under `version`; endpoints have no place there.
    ///
    /// - Parameter prefix: What stands before the service's name in a key, `services/` for example. Without one a
    ///   client reads all keys of the store, to find those that are nodes.
    public static func grpcNaming(prefix: String = "") -> EtcdRecordLayout {
        EtcdRecordLayout(kind: .grpcNaming(prefix: prefix))
    }

    /// What all keys begin with.
    var prefix: String {
        switch self.kind {
        case .goMicro: RegistryKey.prefix
        case .grpcNaming(let prefix): prefix
        }
    }

    /// What the keys of a service begin with.
    func prefix(of service: String) -> String {
        switch self.kind {
        case .goMicro: RegistryKey.service(service)
        case .grpcNaming(let prefix): "\(prefix)\(service)/"
        }
    }

    func key(_ record: ServiceRecord, _ node: NodeRecord) -> String {
        switch self.kind {
        case .goMicro: RegistryKey.node(service: record.name, id: node.id)
        case .grpcNaming: self.prefix(of: record.name) + RegistryKey.part(node.address)
        }
    }

    /// The value for a record of one node.
    func value(_ record: ServiceRecord, _ node: NodeRecord) -> [UInt8] {
        switch self.kind {
        case .goMicro:
            var single = record
            single.nodes = [node]
            return single.jsonBytes
        case .grpcNaming:
            var metadata = node.metadata ?? [:]
            metadata["version"] = record.version
            var text = JSONText()
            text.raw("{\"Op\":0,\"Addr\":")
            text.string(node.address)
            text.raw(",\"Metadata\":")
            text.object(metadata)
            text.raw("}")
            return text.bytes
        }
    }

    /// The record under a key, if it is one and lies where it belongs.
    func record(_ keyValue: EtcdKeyValue) -> ServiceRecord? {
        guard let parts = self.parts(of: keyValue.keyText) else { return nil }
        switch self.kind {
        case .goMicro:
            guard let record = ServiceRecord(jsonBytes: keyValue.value), record.nodes.count == 1,
                RegistryKey.part(record.name) == parts.service, RegistryKey.part(record.nodes[0].id) == parts.id
            else { return nil }
            return record
        case .grpcNaming:
            return Self.namingRecord(keyValue.value, service: parts.service, id: parts.id)
        }
    }

    func change(_ event: EtcdEvent) -> RegistryChange? {
        switch event.kind {
        case .put:
            return self.record(event.keyValue).map { .put($0) }
        case .delete:
            return self.parts(of: event.keyValue.keyText).map {
                .remove(service: RegistryKey.part($0.service), nodeID: RegistryKey.part($0.id))
            }
        }
    }

    /// The service and node that a key names.
    private func parts(of key: String) -> (service: String, id: String)? {
        switch self.kind {
        case .goMicro: return RegistryKey.parts(of: key)
        case .grpcNaming(let prefix):
            guard key.hasPrefix(prefix), let slash = key.lastIndex(of: "/") else { return nil }
            let start = key.index(key.startIndex, offsetBy: prefix.count)
            guard start < slash, key.index(after: slash) != key.endIndex else { return nil }
            return (String(key[start..<slash]), String(key[key.index(after: slash)...]))
        }
    }

    private struct NamingUpdate: Decodable {
        var Op: Int?
        var Addr: String
        var Metadata: [String: String]?

        enum CodingKeys: String, CodingKey { case Op, Addr, Metadata }

        init(from decoder: any Decoder) throws {
            let fields = try decoder.container(keyedBy: CodingKeys.self)
            self.Op = try? fields.decode(Int.self, forKey: .Op)
            self.Addr = try fields.decode(String.self, forKey: .Addr)
            // Users may put anything there; what isn't a map of texts is theirs.
            self.Metadata = try? fields.decode([String: String].self, forKey: .Metadata)
        }
    }

    private static func namingRecord(_ value: [UInt8], service: String, id: String) -> ServiceRecord? {
        guard value.count <= ServiceRecord.maximumBytes,
            let update = try? JSONDecoder().decode(NamingUpdate.self, from: Data(value)), !update.Addr.isEmpty,
            (update.Op ?? 0) == 0
        else { return nil }
        var metadata = update.Metadata
        let version = metadata?.removeValue(forKey: "version") ?? ""
        return ServiceRecord(
            name: service, version: version,
            nodes: [NodeRecord(id: id, address: update.Addr, metadata: metadata)])
    }
}
