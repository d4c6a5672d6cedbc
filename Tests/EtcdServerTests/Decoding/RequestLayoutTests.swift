// SPDX-License-Identifier: Apache-2.0

import MartletEtcdAPI
import MartletEtcdServer
import MartletGRPCWire
import SwiftProtobuf
import Testing

/// Texts and refusals are those of a running etcd 3.5.1.
@Suite struct RequestLayoutTests {
    private static let requests: [any EtcdRequest.Type] = [
        Etcdserverpb_RangeRequest.self, Etcdserverpb_PutRequest.self, Etcdserverpb_DeleteRangeRequest.self,
        Etcdserverpb_TxnRequest.self, Etcdserverpb_RequestOp.self, Etcdserverpb_Compare.self,
        Etcdserverpb_CompactionRequest.self, Etcdserverpb_WatchRequest.self, Etcdserverpb_WatchCreateRequest.self,
        Etcdserverpb_WatchCancelRequest.self, Etcdserverpb_WatchProgressRequest.self,
        Etcdserverpb_LeaseGrantRequest.self, Etcdserverpb_LeaseRevokeRequest.self,
        Etcdserverpb_LeaseKeepAliveRequest.self, Etcdserverpb_LeaseTimeToLiveRequest.self,
        Etcdserverpb_LeaseLeasesRequest.self, Etcdserverpb_MemberListRequest.self, Etcdserverpb_StatusRequest.self,
        Etcdserverpb_AlarmRequest.self, Etcdserverpb_AuthStatusRequest.self, V3lockpb_LockRequest.self,
        V3lockpb_UnlockRequest.self, V3electionpb_CampaignRequest.self, V3electionpb_LeaderKey.self,
        V3electionpb_ProclaimRequest.self, V3electionpb_LeaderRequest.self, V3electionpb_ResignRequest.self,
    ]

    private static func tag(_ number: Int, _ type: Int) -> [UInt8] {
        let tag = number << 3 | type
        return tag < 128 ? [UInt8(tag)] : [UInt8(tag & 127 | 128), UInt8(tag >> 7)]
    }

    private static func value(_ type: Int) -> [UInt8] {
        switch type {
        case 0: [1]
        case 1: [UInt8](repeating: 0, count: 8)
        case 2: [0]
        default: [UInt8](repeating: 0, count: 4)
        }
    }

    /// Each number with each wire type: the layout refuses just what the generated decoder takes for unknown although
    /// the number is known.
    @Test(arguments: requests.indices) func agreesWithTheGeneratedMessage(_ index: Int) throws {
        let type = Self.requests[index]
        #expect("\(type)".hasSuffix("_" + type.layout.name))
        for number in 1...70 {
            let field = type.layout.fields.first { $0.number == Int32(number) }
            for wireType in [0, 1, 2, 5] {
                let bytes = Self.tag(number, wireType) + Self.value(wireType)
                let isKnown = try type.init(serializedBytes: bytes).unknownFields.data.isEmpty
                let expected: RequestFault? =
                    isKnown ? nil : field.map { .wrongWireType(UInt8(wireType), field: $0.name) }
                #expect(Self.fault(type, bytes) == expected, "field \(number), wire type \(wireType)")
                if isKnown { #expect(field != nil, "field \(number) is not in the layout") }
            }
        }
    }

    private static func fault(_ type: any EtcdRequest.Type, _ bytes: [UInt8]) -> RequestFault? {
        do throws(RequestFault) {
            try type.layout.check(bytes)
            return nil
        } catch {
            return error
        }
    }

    @Test(
        arguments: [
            ([0xFF, 0xFF, 0xFF], "unexpected EOF"),
            ([0x0A, 0x05, 0x61], "unexpected EOF"),
            ([0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F], "unexpected EOF"),
            ([0x08, 0x05], "proto: wrong wireType = 0 for field Key"),
            ([0x0A, 0x01, 0x61, 0x10, 0x05], "proto: wrong wireType = 0 for field RangeEnd"),
            ([0x0A, 0x01, 0x61, 0x1D, 1, 2, 3, 4], "proto: wrong wireType = 5 for field Limit"),
            ([0x0F], "proto: wrong wireType = 7 for field Key"),
            ([0xFC, 0x07], "proto: RangeRequest: wiretype end group for non-group"),
            ([0x02, 0x00], "proto: RangeRequest: illegal tag 0 (wire type 2)"),
            ([0x18] + [UInt8](repeating: 0xFF, count: 11), "proto: integer overflow"),
            ([0x0A] + [UInt8](repeating: 0xFF, count: 9) + [1], "proto: negative length found during unmarshaling"),
            ([0xFF, 0x07], "proto: illegal wireType 7"),
            ([0xFB, 0x07, 0x08], "unexpected EOF"),
        ] as [([UInt8], String)])
    func faults(bytes: [UInt8], text: String) {
        #expect(Self.fault(Etcdserverpb_RangeRequest.self, bytes)?.description == text)
    }

    @Test(
        arguments: [
            [], [0x0A, 0x01, 0x61, 0xF8, 0x07, 0x01], [0xFB, 0x07, 0xFC, 0x07],
            [0xFB, 0x07, 0x08, 0x01, 0xFB, 0x07, 0x12, 0x01, 0x61, 0xFC, 0x07, 0xFC, 0x07],
        ] as [[UInt8]])
    func unknownFieldsAndGroups(bytes: [UInt8]) {
        #expect(Self.fault(Etcdserverpb_RangeRequest.self, bytes) == nil)
    }

    @Test func faultsInside() {
        let key: RequestFault = .wrongWireType(0, field: "Key")
        #expect(Self.fault(Etcdserverpb_TxnRequest.self, [0x12, 0x04, 0x12, 0x02, 0x08, 0x05]) == key)
        #expect(Self.fault(Etcdserverpb_WatchRequest.self, [0x0A, 0x02, 0x08, 0x05]) == key)
        #expect(Self.fault(Etcdserverpb_TxnRequest.self, [0x12, 0x04, 0x12, 0x05, 0x08, 0x05]) == .truncated)
        // Filters, packed: the last number has no end.
        #expect(Self.fault(Etcdserverpb_WatchCreateRequest.self, [0x2A, 0x02, 0x01, 0x81]) == .truncated)
    }

    /// A transaction in a transaction, and so on: the stack must not be the client's to use up.
    @Test func nestedWithoutEnd() throws {
        var bytes: [UInt8] = []
        for _ in 0..<10_000 {
            for tag in [0x22, 0x12] as [UInt8] {
                var length = bytes.count
                var head: [UInt8] = [tag]
                while length >= 128 {
                    head.append(UInt8(length & 127 | 128))
                    length >>= 7
                }
                bytes = head + [UInt8(length)] + bytes
            }
        }
        #expect(Self.fault(Etcdserverpb_TxnRequest.self, bytes) == .tooDeep)
    }

    @Test func refusedInTheWordsOfTheCall() throws {
        let fixture = StoreFixture()
        let unary = RecordingCall()
        KVService(store: fixture.store).put(unary, [0x0A, 0x01, 0x61, 0x1A, 0x01, 0x61])
        #expect(unary.status?.code == .internalError)
        #expect(
            unary.status?.message == "grpc: error unmarshalling request: proto: wrong wireType = 2 for field Lease")
        let stream = RecordingCall()
        WatchService(store: fixture.store).watch(stream).received([0x0A, 0x09])
        #expect(stream.status?.code == .internalError)
        #expect(stream.status?.message == "grpc: failed to unmarshal the received message: unexpected EOF")
        let observer = RecordingCall()
        ElectionService(store: fixture.store).observe(observer).received([0x08, 0x01])
        #expect(observer.status?.message.hasPrefix("grpc: failed to unmarshal the received message: proto: ") == true)
    }
}
