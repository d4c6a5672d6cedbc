// SPDX-License-Identifier: Apache-2.0

import MartletCommand
import Testing

@Suite struct DemoScriptTests {
    private static let a = DemoScript.Child.greeter("A", life: 1)
    private static let b = DemoScript.Child.greeter("B", life: 1)
    private static let again = DemoScript.Child.greeter("B", life: 2)

    /// A script driven by hand; sentences are left out of what comes back.
    private struct Stage {
        var script = DemoScript(plan: DemoPlan(seconds: 20, callsPerSecond: 20))
        var now = Duration.zero

        mutating func send(
            _ event: DemoScript.Event, at time: Duration? = nil, nanoseconds: Int64 = 0
        )
            -> [DemoScript.Order]
        {
            now = time ?? now
            return script.handle(event, now: now, nanoseconds: nanoseconds).filter {
                if case .say = $0 { false } else { true }
            }
        }

        mutating func answer(_ call: Int, by node: String) -> [DemoScript.Order] {
            send(.report(.client, .answered(call: call, by: node, greeting: "", microseconds: 20_000)))
        }

        /// Until the first answer, one second after the start.
        mutating func begin() {
            _ = send(.tick)
            _ = send(.report(.server, .listening(address: "s")), at: .milliseconds(500))
            _ = send(.report(DemoScriptTests.a, .serving(address: "a")))
            _ = send(.report(DemoScriptTests.b, .serving(address: "b")), at: .seconds(1))
            _ = answer(1, by: "A")
        }

        /// Until B was killed with call 7.
        mutating func kill() {
            begin()
            _ = send(.tick, at: .seconds(7))
            _ = send(.report(DemoScriptTests.b, .began(call: 7, atNanoseconds: 0)))
        }
    }

    @Test func startsInOrder() {
        var stage = Stage()
        #expect(stage.send(.tick) == [])
        #expect(
            stage.send(.report(.server, .listening(address: "s")))
                == [.follow(registry: "s"), .start(Self.a), .start(Self.b)])
        #expect(stage.send(.report(Self.b, .serving(address: "b"))) == [])
        #expect(stage.send(.report(Self.a, .serving(address: "a"))) == [.start(.client)])
        #expect(stage.script.firstAnswer == nil)
        #expect(stage.answer(1, by: "A") == [])
        #expect(stage.script.firstAnswer == .zero)
    }

    @Test func killsAYoungCallAtTheVictimOnce() {
        var stage = Stage()
        stage.begin()
        let young = DemoScript.Event.report(Self.b, .began(call: 5, atNanoseconds: 1_000_000))
        #expect(stage.send(.tick, at: .milliseconds(6999)) == [])
        #expect(stage.send(young, nanoseconds: 2_000_000) == [], "too early")
        #expect(stage.send(.tick, at: .seconds(7)) == [])
        #expect(stage.send(.report(Self.a, .began(call: 6, atNanoseconds: 0)), nanoseconds: 0) == [], "the other one")
        #expect(stage.send(young, nanoseconds: 6_000_000) == [], "too old to be sure")
        #expect(stage.send(young, nanoseconds: 5_999_999) == [.kill(Self.b)])
        #expect(stage.script.record.killedCall == 5)
        #expect(stage.send(young, nanoseconds: 5_999_999) == [])
        #expect(stage.send(.exited(Self.b, "signal 9")) == [])
    }

    @Test func seesACallThatEndedAfterAll() {
        var stage = Stage()
        stage.kill()
        _ = stage.send(.report(Self.b, .ended(call: 6)))
        _ = stage.send(.report(Self.a, .ended(call: 7)))
        #expect(!stage.script.record.didKilledCallEnd)
        _ = stage.send(.report(Self.b, .ended(call: 7)))
        #expect(stage.script.record.didKilledCallEnd)
    }

    @Test func returnsAndEnds() {
        var stage = Stage()
        stage.kill()
        _ = stage.send(.exited(Self.b, "signal 9"))
        #expect(stage.send(.tick, at: .milliseconds(12_999)) == [])
        #expect(stage.send(.tick, at: .seconds(13)) == [.start(Self.again)])
        #expect(stage.send(.tick, at: .seconds(14)) == [])
        #expect(stage.send(.report(Self.again, .serving(address: "b2"))) == [])
        #expect(stage.send(.tick, at: .seconds(21)) == [.stop(.client)])
        #expect(stage.send(.tick, at: .seconds(22)) == [])
        #expect(stage.answer(400, by: "B") == [])
        #expect(stage.send(.exited(.client, "exit code 0")) == [.finish])
    }

    @Test func notesTheRegistryUntilTheEnd() {
        var stage = Stage()
        stage.begin()
        for count in [1, 2, 2, 1, 2] { _ = stage.send(.registry(count)) }
        _ = stage.send(.tick, at: .seconds(7))
        _ = stage.send(.tick, at: .seconds(21))
        _ = stage.send(.registry(0))
        #expect(stage.script.record.registryCounts == [1, 2, 1, 2])
    }

    @Test func endsEvenIfNothingWasKilled() {
        var stage = Stage()
        stage.begin()
        _ = stage.send(.tick, at: .seconds(7))
        #expect(stage.send(.tick, at: .seconds(21)) == [.stop(.client)])
    }

    @Test func givesUpWhereAProcessEnds() {
        for child in [DemoScript.Child.server, .client, Self.a, Self.b] {
            var stage = Stage()
            stage.begin()
            #expect(
                stage.send(.exited(child, "exit code 1")) == [.giveUp("\(child) ended by itself: exit code 1", child)])
        }
    }

    @Test func givesUpWhereNothingHappens() {
        var stage = Stage()
        _ = stage.send(.tick)
        #expect(stage.send(.tick, at: DemoPlan.patience) == [])
        #expect(stage.send(.tick, at: DemoPlan.patience + .milliseconds(1)) == [.giveUp("nothing was answered", nil)])
    }

    @Test func keepsErrors() {
        var stage = Stage()
        stage.begin()
        _ = stage.send(.report(.client, .failed(call: 2, error: "first", microseconds: 5)))
        _ = stage.send(.report(.client, .failed(call: 3, error: "second", microseconds: 5)))
        #expect(stage.script.record.firstError == "first")
        #expect(stage.script.record.errorCount == 2)
    }

    @Test func leavesTimeForTheLease() {
        let short = DemoPlan(seconds: DemoPlan.minimumSeconds, callsPerSecond: 20)
        #expect(short.returnTime - short.killTime > DemoPlan.registrationTTL + .milliseconds(500))
        #expect(short.length - short.returnTime >= .seconds(4))
        let usual = DemoPlan(seconds: 20, callsPerSecond: 20)
        #expect((usual.killTime, usual.returnTime) == (.seconds(6), .seconds(12)))
    }

    @Test(arguments: [
        DemoReport.listening(address: "127.0.0.1:1"), .serving(address: "a"), .began(call: 3, atNanoseconds: 1 << 60),
        .ended(call: 3), .answered(call: 1, by: "A", greeting: "\"\n", microseconds: 7),
        .failed(call: 2, error: "x", microseconds: .max),
    ])
    func reportsSurviveTheirLine(_ report: DemoReport) throws {
        #expect(DemoReport(line: try report.line()) == report)
    }

    @Test func otherLinesAreNoReports() {
        for line in ["", "{}", "hello", #"{"began":{}}"#] { #expect(DemoReport(line: line) == nil) }
    }
}
