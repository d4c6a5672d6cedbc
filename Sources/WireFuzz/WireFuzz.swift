// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletBasics
import Synchronization

/// Feeds generated and mutated input to everything of the wire that reads what a peer sends.
///
/// usage: wire-fuzz [--executions N] [--seed S] [--corpus FOLDER] [--target NAME] [--only INDEX]
///
/// Each execution has a number and depends on nothing but the seed and that number, so `--seed S --only INDEX` repeats
/// one. A crash prints both. Exit 0: nothing was found; 2: wrong arguments; 3: one execution took too long; 4: memory
/// grew without bound.
@main
struct WireFuzz {
    /// A single execution takes microseconds; this long is a hang.
    static let hangSeconds = 20.0
    /// Resident memory of a run without leaks stays far below this.
    static let maximumResidentBytes = 1 << 30
    private static let progress = 1_000_000

    /// The execution that runs now: what the watchdog and the crash handler report.
    static let current = Atomic<UInt64>(0)
    static let seed = Atomic<UInt64>(0)

    static func main() {
        let options: FuzzOptions
        do {
            options = try FuzzOptions(Array(CommandLine.arguments.dropFirst()))
        } catch {
            FileHandle.standardError.write(Data("wire-fuzz: \(error)\n".utf8))
            exit(2)
        }
        self.seed.store(options.seed, ordering: .relaxed)
        self.reportCrashes()
        self.watch()
        let corpus = options.corpus.map(FuzzCorpus.init(folder:)) ?? FuzzCorpus(inputs: [])
        print("wire-fuzz: seed \(options.seed), \(options.executions) executions, \(corpus.inputs.count) inputs")
        corpus.replay()
        let targets = FuzzTargets()
        if let only = options.only {
            targets.execute(seed: options.seed, index: only, corpus: corpus, target: options.target)
            return print("wire-fuzz: execution \(only) found nothing")
        }
        let start = ContinuousClock.now
        for index in 0..<options.executions {
            self.current.store(index, ordering: .relaxed)
            targets.execute(seed: options.seed, index: index, corpus: corpus, target: options.target)
            if index % UInt64(self.progress) == UInt64(self.progress) - 1 { self.report(index + 1, since: start) }
        }
        self.report(options.executions, since: start)
        print("wire-fuzz: nothing found; by target \(targets.summary)")
    }

    private static func report(_ count: UInt64, since start: ContinuousClock.Instant) {
        let seconds = Double((ContinuousClock.now - start).components.seconds) + 0.001
        let resident = Self.residentBytes
        print(
            "wire-fuzz: \(count) executions, \(Int(Double(count) / seconds)) a second, \(resident >> 20) MiB resident")
        if resident > self.maximumResidentBytes {
            print("wire-fuzz: memory grew to \(resident >> 20) MiB")
            exit(4)
        }
    }

    private static var residentBytes: Int {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8),
            let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { return 0 }
        return pages * Int(getpagesize())
    }

    /// Ends the process when one execution does not end.
    private static func watch() {
        Thread.detachNewThread {
            var last: UInt64?
            while true {
                Thread.sleep(forTimeInterval: self.hangSeconds)
                let now = self.current.load(ordering: .relaxed)
                if now == last, now != 0 {
                    print("wire-fuzz: hangs in --seed \(self.seed.load(ordering: .relaxed)) --only \(now)")
                    exit(3)
                }
                last = now
            }
        }
    }

    /// Names the execution in which the process dies, then lets it die.
    private static func reportCrashes() {
        for number in [SIGILL, SIGSEGV, SIGABRT, SIGBUS, SIGTRAP, SIGFPE] {
            signal(number) { number in
                WireFuzz.writeNumber("\nwire-fuzz: crashed in --seed ", WireFuzz.seed.load(ordering: .relaxed))
                WireFuzz.writeNumber(" --only ", WireFuzz.current.load(ordering: .relaxed))
                signal(number, SIG_DFL)
                raise(number)
            }
        }
    }

    /// Allocates nothing: it runs inside a signal handler.
    private static func writeNumber(_ text: StaticString, _ number: UInt64) {
        _ = write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount)
        var rest = number
        var digits: (UInt64, Int) = (0, 0)
        repeat {
            digits = (digits.0 * 10 + rest % 10, digits.1 + 1)
            rest /= 10
        } while rest > 0 && digits.1 < 19
        // The digits that did not fit stand first.
        if rest > 0 {
            var first = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest)
            _ = write(STDERR_FILENO, &first, 1)
        }
        for _ in 0..<digits.1 {
            var digit = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digits.0 % 10)
            _ = write(STDERR_FILENO, &digit, 1)
            digits.0 /= 10
        }
    }
}

struct FuzzOptions {
    struct Failure: Error, CustomStringConvertible { var description: String }

    var executions: UInt64 = 1_000_000
    var seed = UInt64.random(in: 1...(.max))
    var corpus: String?
    var only: UInt64?
    var target: FuzzTarget?

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        while let name = rest.popFirst() {
            guard let value = rest.popFirst() else { throw Failure(description: "\(name) needs a value") }
            switch name {
            case "--executions": self.executions = try Self.number(name, value)
            case "--seed": self.seed = try Self.number(name, value)
            case "--only": self.only = try Self.number(name, value)
            case "--corpus": self.corpus = value
            case "--target":
                guard let target = FuzzTarget(rawValue: value) else {
                    let known = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
                    throw Failure(description: "no target \(value); there are \(known)")
                }
                self.target = target
            default: throw Failure(description: "what is \(name)?")
            }
        }
    }

    private static func number(_ name: String, _ value: String) throws -> UInt64 {
        guard let number = UInt64(value) else { throw Failure(description: "\(name) \(value) is no number") }
        return number
    }
}
