// SPDX-License-Identifier: Apache-2.0

import Testing

/// The checkers themselves, on input made up to be wrong.
@Suite struct RingCheckerTests {
    let checker = RingChecker(table: [
        "Leaf": RingEntry(.leaf, folder: "Leaf"),
        "Core": RingEntry(.core, folder: "Core", targets: ["Leaf"], modules: ["DequeModule"]),
        "Other": RingEntry(.core, folder: "Other", targets: ["Leaf"]),
        "Shell": RingEntry(.shell, folder: "Shell", targets: ["Core"], modules: ["Foundation"]),
    ])

    func manifest(_ targets: String) -> Manifest {
        Manifest(
            text: """
                let package = Package(
                    products: [.library(name: "Core", targets: ["Core"])],
                    targets: [\(targets)]
                )
                """)
    }

    @Test func manifestIsRead() {
        let read = manifest(
            """
            // .target(name: "Gone"),
            .systemLibrary(name: "Leaf", path: "Sources/Leaf", providers: [.apt(["a", "b"])]),
            .target(
                name: "Core",
                dependencies: ["Leaf", .target(name: "Other"), .product(name: "DequeModule", package: "swift-x"), ],
                path: "Sources/Core", // "a comment"
                swiftSettings: [.define("X")]),
            .testTarget(name: "CoreTests", dependencies: ["Core"], path: "Tests/CoreTests"),
            """)
        #expect(
            read.targets == [
                .init(kind: "systemLibrary", name: "Leaf", dependencies: [], folder: "Leaf"),
                .init(kind: "target", name: "Core", dependencies: ["Leaf", "Other", "DequeModule"], folder: "Core"),
                .init(kind: "testTarget", name: "CoreTests", dependencies: ["Core"], folder: "Tests/CoreTests"),
            ])
    }

    @Test(arguments: [
        (#".target(name: "Core", dependencies: ["Shell"]), .target(name: "Shell")"#, "depends outward on Shell"),
        (#".target(name: "Core", dependencies: ["Other"]), .target(name: "Other")"#, "may not depend on Other"),
        (#".target(name: "Unheard")"#, "target Unheard has no row"),
        (#".target(name: "Core", path: "Sources/Elsewhere")"#, "Core is in Elsewhere"),
        (#".target(name: "Core", dependencies: ["T"]), .testTarget(name: "T")"#, "depends on the test target T"),
        ("", "no targets found"),
    ])
    func badManifestIsFound(_ targets: String, _ answer: String) throws {
        let violations = checker.manifestViolations(manifest(targets))
        #expect(violations.count == 1)
        #expect(try #require(violations.first).contains(answer))
    }

    @Test func goodManifestPasses() {
        let targets = #".target(name: "Leaf"), .target(name: "Core", dependencies: ["Leaf"]), .testTarget(name: "T")"#
        #expect(checker.manifestViolations(manifest(targets)) == [])
    }

    @Test(arguments: [
        ("import Shell", "imports outward: Shell"), ("package import Other", "may not import Other"),
        ("import Foundation", "may not import Foundation"), ("@_exported import NIOCore", "may not import NIOCore"),
        ("import struct Foundation.Date", "may not import Foundation"), ("let a = Date()", "says Date("),
        ("let a = Int.random(in: 0...1)", "says .random("), ("Task { }", "says Task {"),
        ("func f() async {}", "says async"), ("let a = \"\\(getenv(\"x\"))\"", "says getenv"),
        ("print(1)", "says print("),
        ("let lock = Mutex(0)", "says Mutex"), ("let id = UUID()", "says UUID("),
        ("/* a /* b */ c */ print(1)", "says print("), ("let a = \"\"\"\n  b\"\n  \"\"\"; print(a)", "says print("),
    ])
    func badCoreIsFound(_ source: String, _ answer: String) throws {
        let violations = checker.sourceViolations(path: "Sources/Core/A.swift", folder: "Core", text: source)
        #expect(violations.count == 1)
        #expect(try #require(violations.first).contains(answer))
    }

    @Test(arguments: [
        "package import Leaf\nimport DequeModule", "// print(1)\n/* Task { } */", #"let a = "print(1) \" Date()""#,
        ##"let a = #"print("\(b)")"#"##, "let asynchronous = imprint(1)", "struct Update {}\nlet a = Update()",
    ])
    func goodCorePasses(_ source: String) {
        #expect(checker.sourceViolations(path: "Sources/Core/A.swift", folder: "Core", text: source) == [])
    }

    @Test func shellsMayDoWhatCoresMayNot() {
        let source = "import Core\nimport Foundation\nprint(Date())"
        #expect(checker.sourceViolations(path: "A.swift", folder: "Shell", text: source) == [])
        #expect(checker.sourceViolations(path: "A.swift", folder: "Nowhere", text: "").count == 1)
    }

    @Test func badTableIsFound() {
        var bad = checker
        bad.table["Leaf"]?.targets = ["Core", "Missing"]
        let violations = bad.tableViolations()
        #expect(violations.contains("table: Leaf (leaf) may import Core (core): outward"))
        #expect(violations.contains("table: Leaf may import Missing, which has no row"))
        #expect(violations.contains("table: Core may import itself through others"))
    }

    @Test func untidyTextIsFound() {
        let long = String(repeating: "é", count: 121)
        let mark = TidyChecker.postponed[0]
        let promise = TidyChecker.promises[0]
        for (text, count) in [
            ("// \(mark): later", 1), ("let x = 1\t", 1), (long, 1), (String(long.dropFirst()), 0),
            (String(repeating: "\n", count: 601), 1), (String(repeating: "\n", count: 600), 0),
            ("struct A: \(promise) {}", 1), ("// Immutable.\nstruct A: \(promise) {}", 0), ("// \(promise)", 0),
            ("let a = \"\(TidyChecker.machinePaths[0])\"", 1), ("let \(mark)s = 1", 0),
        ] {
            #expect(TidyChecker.violations(path: "Sources/A/A.swift", text: text).count == count, "\(text)")
        }
        #expect(TidyChecker.violations(path: "Sources/A/Generated/A.swift", text: long) == [])
        #expect(TidyChecker.violations(path: "Makefile", text: "all:\n\ttrue") == [])
    }
}
