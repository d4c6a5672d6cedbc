// SPDX-License-Identifier: Apache-2.0

import Martlet
import Testing

@Suite struct MicroErrorTests {
    @Test func jsonIsGoMicros() {
        let error = MicroError(.badRequest, "bad name", id: "go.micro.server.greeter")
        let json = #"{"id":"go.micro.server.greeter","code":400,"detail":"bad name","status":"Bad Request"}"#
        #expect(error.jsonText == json)
        #expect(MicroError(jsonText: json) == error)
        #expect("\(error)" == json)
    }

    @Test func escapesAreGos() {
        let error = MicroError(.internalServerError, "a\"b\\c\n\t<&>\u{1}\u{2028} größe 漢字", id: "x")
        #expect(
            error.jsonText
                == #"{"id":"x","code":500,"detail":"a\"b\\c\n\t\u003c\u0026\u003e\u0001\u2028 größe 漢字","#
                + #""status":"Internal Server Error"}"#)
        #expect(MicroError(jsonText: error.jsonText) == error)
    }

    @Test(arguments: ["", "something broke", "unknown service Greeter.Nope", "[]", "{", #"{"code":0}"#, #"{"id":"a"}"#])
    func foreignTextIsNoError(_ text: String) {
        #expect(MicroError(jsonText: text) == nil)
    }

    @Test(arguments: [
        (400, 3), (401, 16), (403, 7), (404, 5), (408, 4), (409, 6), (412, 9), (500, 13), (501, 12), (503, 14),
    ])
    func tableWorksBothWays(_ code: Int32, _ status: Int) {
        #expect(MicroError.Code(rawValue: code).grpcStatusCode == status)
        #expect(MicroError.Code(grpcStatusCode: status).rawValue == code)
    }

    @Test(arguments: [Int32(0), 200, 405, 418, 429, 502, 9999, -1])
    func othersAreUnknown(_ code: Int32) {
        #expect(MicroError.Code(rawValue: code).grpcStatusCode == 2)
    }

    @Test func unmappedStatusIs500() {
        for status in [0, 1, 2, 8, 10, 11, 13, 15, 99] {
            #expect(MicroError.Code(grpcStatusCode: status) == .internalServerError)
        }
    }

    @Test func detailComesBeforeMessageBeforeStatus() {
        let inDetail = MicroError(.conflict, "from the detail", id: "a")
        let inMessage = MicroError(.forbidden, "from the message", id: "b")
        let all = MicroError(grpcStatusCode: 5, message: inMessage.jsonText, detail: inDetail)
        #expect(all == inDetail)
        let two = MicroError(grpcStatusCode: 5, message: inMessage.jsonText, detail: nil)
        #expect(two == inMessage)
        let one = MicroError(grpcStatusCode: 5, message: "100%", detail: nil)
        #expect(one == MicroError(.notFound, "100%", id: "go.micro.client"))
    }

    @Test func detailSurvivesTheWire() throws {
        let error = MicroError(id: "svc", code: .tooManyRequests, detail: "slow down", status: "Too Many Requests")
        let bytes = try #require(error.statusDetail(grpcStatusCode: 2, message: error.jsonText))
        #expect(MicroError(statusDetail: bytes) == error)
        #expect(MicroError(statusDetail: [0xFF, 0xFF]) == nil)
        #expect(MicroError(statusDetail: []) == nil)
    }
}
