// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import Testing

@Suite struct RecordTests {
    static let requests: [(AuthRequest, UInt64, [UInt8])] = [
        (.enable, 1000, []),
        (.disable, 1011, []),
        (.authenticate(name: "u", simpleToken: "t"), 1012, [0x0A, 1, 117, 0x1A, 1, 116]),
        (.status, 1013, []),
        (.userAdd(name: "u", hash: "h", options: nil), 1100, [0x0A, 1, 117, 0x22, 1, 104]),
        (.userAdd(name: "u", hash: "h", options: .init()), 1100, [0x0A, 1, 117, 0x1A, 0, 0x22, 1, 104]),
        (.userAdd(name: "u", hash: "", options: .init(noPassword: true)), 1100, [0x0A, 1, 117, 0x1A, 2, 0x08, 1]),
        (.userDelete(name: "u"), 1101, [0x0A, 1, 117]),
        (.userGet(name: "u"), 1102, [0x0A, 1, 117]),
        (.userChangePassword(name: "u", hash: "h"), 1103, [0x0A, 1, 117, 0x1A, 1, 104]),
        (.userGrantRole(user: "u", role: "r"), 1104, [0x0A, 1, 117, 0x12, 1, 114]),
        (.userRevokeRole(name: "u", role: "r"), 1105, [0x0A, 1, 117, 0x12, 1, 114]),
        (.userList, 1106, []),
        (.roleList, 1107, []),
        (.roleAdd(name: "r"), 1200, [0x0A, 1, 114]),
        (.roleDelete(role: "r"), 1201, [0x0A, 1, 114]),
        (.roleGet(role: "r"), 1202, [0x0A, 1, 114]),
        (.roleGrantPermission(name: "r", permission: nil), 1203, [0x0A, 1, 114]),
        (
            .roleGrantPermission(name: "r", permission: .init(.write, key: [5], rangeEnd: [6])), 1203,
            [0x0A, 1, 114, 0x12, 8, 0x08, 1, 0x12, 1, 5, 0x1A, 1, 6]
        ),
        (
            .roleRevokePermission(role: "r", key: [5], rangeEnd: [6]), 1204,
            [0x0A, 1, 114, 0x12, 1, 5, 0x1A, 1, 6]
        ),
    ]

    @Test func layoutAndRoundTrip() {
        for (request, field, bytes) in Self.requests {
            #expect(request.recordField == field)
            #expect(request.recordBytes == bytes, "\(request)")
            #expect(AuthRequest(recordField: field, bytes: bytes) == request)
            // Later versions add fields; what is cut off is refused.
            #expect(AuthRequest(recordField: field, bytes: bytes + [0x78, 1]) == request)
            #expect(AuthRequest(recordField: field, bytes: bytes + [0x0A]) == nil)
        }
        #expect(Set(Self.requests.map(\.1)).count == 17)
    }

    @Test func emptyNamesSurvive() {
        #expect(AuthRequest(recordField: 1200, bytes: []) == .roleAdd(name: ""))
        #expect(AuthRequest.roleAdd(name: "").recordBytes == [])
    }

    @Test func whatIsNotOurs() {
        #expect(AuthRequest(recordField: 4, bytes: []) == nil)
        #expect(AuthRequest(recordField: 1100, bytes: [0x1A, 1, 0x08]) == nil)
        #expect(AuthRequest(recordField: 1203, bytes: [0x12, 1, 0x08]) == nil)
    }

    @Test func plainPasswordsAreNotRead() {
        let old: [UInt8] = [0x0A, 1, 117, 0x12, 2, 112, 119]
        #expect(AuthRequest(recordField: 1103, bytes: old) == .userChangePassword(name: "u", hash: ""))
    }
}
