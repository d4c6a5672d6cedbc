// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// What a member says of itself. Source: etcd `ClusterMemberAttrSetRequest`
/// {member = 1, attributes {name = 1, client URLs = 2} = 2}; our own are {version = 2000, record format = 2001}.
public struct MemberAttributes: Hashable, Sendable {
    public var member: UInt64
    public var name: String
    public var clientURLs: [String]
    /// Of the server that runs there, as the cluster's is written; empty where it was not said.
    public var version: String
    /// The highest `KeyspaceRecord` format that it reads; 0 where it was not said.
    public var recordFormat: UInt64

    public init(
        member: UInt64, name: String, clientURLs: [String], version: String = "", recordFormat: UInt64 = 0
    ) {
        self.member = member
        self.name = name
        self.clientURLs = clientURLs
        self.version = version
        self.recordFormat = recordFormat
    }
}

/// Whether the cluster is on its way to an older version. Source: etcd `DowngradeInfoSetRequest`
/// {enabled = 1, version = 2}.
public struct DowngradeInfo: Hashable, Sendable {
    public var isEnabled: Bool
    /// As the cluster's version is written; empty if not enabled.
    public var targetVersion: String

    public init(isEnabled: Bool = false, targetVersion: String = "") {
        self.isEnabled = isEnabled
        self.targetVersion = targetVersion
    }
}

extension MemberAttributes {
    func encode(into bytes: inout [UInt8]) {
        var attributes: [UInt8] = []
        attributes.append(field: 1, bytes: Array(name.utf8))
        for url in clientURLs { attributes.append(choice: 2, bytes: Array(url.utf8)) }
        bytes.append(field: 1, number: member)
        bytes.append(choice: 2, bytes: attributes)
        bytes.append(field: Self.versionField, bytes: Array(version.utf8))
        bytes.append(field: Self.recordFormatField, number: recordFormat)
    }

    private static let versionField: UInt64 = 2000
    private static let recordFormatField: UInt64 = 2001

    init(_ bytes: [UInt8], _ range: Range<Int>) throws(RecordError) {
        self.init(member: 0, name: "", clientURLs: [])
        var reader = FieldReader(bytes, range)
        while let (number, value) = try reader.field() {
            switch number {
            case 1: member = try value.number()
            case 2:
                var inner = FieldReader(bytes, try value.range())
                while let (number, value) = try inner.field() {
                    switch number {
                    case 1: name = try inner.text(value)
                    case 2: clientURLs.append(try inner.text(value))
                    default: continue
                    }
                }
            case Self.versionField: version = try reader.text(value)
            case Self.recordFormatField: recordFormat = try value.number()
            default: continue
            }
        }
    }
}

extension DowngradeInfo {
    func encode(into bytes: inout [UInt8]) {
        bytes.append(field: 1, flag: isEnabled)
        bytes.append(field: 2, bytes: Array(targetVersion.utf8))
    }

    init(_ bytes: [UInt8], _ range: Range<Int>) throws(RecordError) {
        self.init()
        var reader = FieldReader(bytes, range)
        while let (number, value) = try reader.field() {
            switch number {
            case 1: isEnabled = try value.flag()
            case 2: targetVersion = try reader.text(value)
            default: continue
            }
        }
    }
}
