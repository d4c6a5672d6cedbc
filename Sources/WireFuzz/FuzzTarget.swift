// SPDX-License-Identifier: Apache-2.0

package import MartletBasics

/// What is fuzzed.
package enum FuzzTarget: String, CaseIterable, Sendable {
    /// A server's whole pipeline on an embedded channel, from the first byte of a connection.
    case server
    /// A client's connection with open calls, on an embedded channel.
    case client
    case assembler, gzip, percent, base64, timeout, contentType

    /// The target of a corpus file: its name up to the first dash.
    init?(fileName: String) {
        self.init(rawValue: String(fileName.prefix { $0 != "-" }))
    }

    /// Of a hundred executions, how many are of this target: parsers are fifty times cheaper than connections.
    var share: Int {
        switch self {
        case .server: 12
        case .client: 8
        case .assembler: 20
        case .gzip: 10
        case .percent, .base64, .timeout: 13
        case .contentType: 11
        }
    }
}

/// Runs executions.
package final class FuzzTargets {
    private let server = ServerTarget()
    private let client = ClientTarget()
    private var counts: [FuzzTarget: Int] = [:]
    private let schedule: [FuzzTarget] = FuzzTarget.allCases.flatMap { Array(repeating: $0, count: $0.share) }

    package init() {}

    /// Execution number `index` of the run that began with `seed`.
    package func execute(seed: UInt64, index: UInt64, corpus: FuzzCorpus, target: FuzzTarget?) {
        var random = SeededRandom(seed: seed ^ (index &* 0x9E37_79B9_7F4A_7C15))
        let target = target ?? self.schedule[Int(random.next() % UInt64(self.schedule.count))]
        self.counts[target, default: 0] += 1
        var input = corpus.pick(target, &random) ?? Self.generate(target, &random)
        if random.next() % 3 == 0 { Mutation.apply(to: &input, &random) }
        self.run(target, input, &random)
    }

    private static func generate(_ target: FuzzTarget, _ random: inout SeededRandom) -> [UInt8] {
        switch target {
        case .server: FrameGenerator.clientBytes(&random)
        case .client: FrameGenerator.serverBytes(&random)
        case .assembler: MessageGenerator.messages(&random)
        case .gzip: MessageGenerator.gzip(&random)
        case .percent, .base64, .timeout, .contentType: MessageGenerator.text(target, &random)
        }
    }

    /// Feeds `input` in random pieces.
    package func run(_ target: FuzzTarget, _ input: [UInt8], _ random: inout SeededRandom) {
        switch target {
        case .server: self.server.run(Pieces.random(input, &random))
        case .client: self.client.run(Pieces.random(input, &random))
        case .assembler: ParserTargets.assembler(Pieces.random(input, &random), whole: input)
        case .gzip: ParserTargets.gzip(input)
        case .percent: ParserTargets.percent(input)
        case .base64: ParserTargets.base64(input)
        case .timeout: ParserTargets.timeout(input)
        case .contentType: ParserTargets.contentType(input)
        }
    }

    package var summary: String {
        FuzzTarget.allCases.map { "\($0.rawValue) \(self.counts[$0] ?? 0)" }.joined(separator: ", ")
    }
}

/// Input cut as sockets cut it.
enum Pieces {
    static func random(_ input: [UInt8], _ random: inout SeededRandom) -> [ArraySlice<UInt8>] {
        guard !input.isEmpty, random.next() % 2 == 0 else { return [input[...]] }
        let largest = [1, 3, 10, 100, 5_000][Int(random.next() % 5)]
        var pieces: [ArraySlice<UInt8>] = []
        var start = 0
        while start < input.count {
            let end = min(start + 1 + Int(random.next() % UInt64(largest)), input.count)
            pieces.append(input[start..<end])
            start = end
        }
        return pieces
    }
}

/// Changes that keep most of an input as it was.
enum Mutation {
    static func apply(to input: inout [UInt8], _ random: inout SeededRandom) {
        for _ in 0..<(1 + random.next() % 4) {
            guard !input.isEmpty else { return input.append(UInt8(truncatingIfNeeded: random.next())) }
            let at = Int(random.next() % UInt64(input.count))
            let length = min(Int(1 + random.next() % 16), input.count - at)
            switch random.next() % 7 {
            case 0: input[at] ^= 1 << UInt8(random.next() % 8)
            case 1: input[at] = UInt8(truncatingIfNeeded: random.next())
            case 2: input[at] = [0, 1, 0x7f, 0x80, 0xff][Int(random.next() % 5)]
            case 3: input.removeSubrange(at..<(at + length))
            case 4: input.insert(contentsOf: input[at..<(at + length)], at: at)
            case 5: input.removeSubrange(at...)
            default:
                let other = Int(random.next() % UInt64(input.count))
                input.swapAt(at, other)
            }
        }
    }
}
