// SPDX-License-Identifier: Apache-2.0

import MartletEtcdClient
import MartletTestPrograms
import Testing

@Suite(.serialized, .timeLimit(.minutes(30))) struct PagesTests {
    @Test(arguments: EtcdProcess.Kind.available)
    func pagesAreOfOneRevision(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, _ in
            for number in 10..<35 { try await client.put("p/\(number)", "old") }
            try await client.put("q", "outside")
            for (limit, sizes) in [(10, [10, 10, 5]), (25, [25]), (24, [24, 1]), (100, [25])] as [(Int64, [Int])] {
                var pages: [EtcdGetResult] = []
                for try await page in client.pages(of: .prefix("p/"), limit: limit) {
                    pages.append(page)
                    // What changes meanwhile is not seen.
                    try await client.put("p/\(99 - pages.count)", "new")
                    try await client.delete("p/\(99 - pages.count)")
                    try await client.put("p/34", "new")
                    try await client.put("p/34", "old")
                }
                #expect(pages.map(\.keyValues.count) == sizes, "\(limit)")
                let all = pages.flatMap(\.keyValues)
                #expect(all.map(\.keyText) == (10..<35).map { "p/\($0)" })
                #expect(all.allSatisfy { $0.valueText == "old" })
            }
            var keys: [[String]] = []
            for try await page in client.pages(of: .from("p/34".utf8), limit: 1, isKeysOnly: true) {
                #expect(page.keyValues.allSatisfy { $0.value.isEmpty })
                keys.append(page.keyTexts)
            }
            #expect(keys == [["p/34"], ["q"]])
            keys = []
            for try await page in client.pages(of: "q", limit: 1) { keys.append(page.keyTexts) }
            #expect(keys == [["q"]])
        }
    }
}
