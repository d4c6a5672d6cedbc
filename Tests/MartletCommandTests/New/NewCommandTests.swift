// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletCommand
import MartletProcesses
import MartletTestPrograms
import Testing

@Suite struct NewCommandTests {
    @Test(arguments: [
        ("shop", "Shop"), ("my-shop", "MyShop"), ("acme.billing_v2", "AcmeBillingV2"), ("X", "X"),
        ("self", "SelfService"), ("any", "AnyService"), ("main", "MainService"), ("logging", "LoggingService"),
        ("nio-http1", "NioHttp1Service"), ("Foundation", "FoundationService"), ("hello-request", "HelloRequestService"),
    ]) func namesBecomeModules(_ text: String, _ module: String) throws {
        let name = try #require(ProjectName(text))
        #expect(name.service == text && name.module == module)
    }

    @Test(arguments: ["", "1st", "a b", "ä", "a/b", "-x", "a\"b", String(repeating: "a", count: 65)])
    func othersAreNone(_ text: String) {
        #expect(ProjectName(text) == nil)
    }

    @Test(arguments: ["martlet", "Martlet", "martlet-etcd", "MartletTesting", "mart-let"])
    func namesOfMartletsOwnAreRefused(_ text: String) {
        #expect(
            ProjectName.refusal(of: text)
                == "\(text) is a name of Martlet's own, which the new package depends on: choose another, such as "
                + "my-\(text)")
    }

    @Test func otherNamesAreNot() {
        for text in ["my-martlet", "shop", "self"] { #expect(ProjectName.refusal(of: text) == nil) }
        #expect(ProjectName.refusal(of: "1st")?.contains("is no name") == true)
    }

    /// Every package that Martlet's manifest names, and the modules of it that Martlet imports.
    @Test func whatMartletDependsOnIsTaken() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let manifest = try String(contentsOf: root.appending(path: "Package.swift"), encoding: .utf8)
        let packages = manifest.matches(of: /url: "[^"]*\/([^"\/]+?)(\.git)?"/).map { String($0.output.1) }
        #expect(packages.count > 10)
        #expect(Set(packages).subtracting(TakenNames.packages) == [])
        let modules = manifest.matches(of: /\.product\(\s*name: "(\w+)"/).map { String($0.output.1) }
        #expect(modules.count > 20)
        for module in modules { #expect(TakenNames.isModule(module), "\(module)") }
    }

    @Test func foldersThatClashAreRefused() async throws {
        let folder = try TemporaryFolder()
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        // The package manager takes two packages in folders of one name for the same.
        for name in [root.lastPathComponent, "swift-nio"] {
            let made = try await run(
                BuiltBinary.path, ["new", "shop", "--folder", folder.file(name), "--martlet-path", root.path])
            #expect(!made.isSuccess && made.output.contains("name another --folder"), "\(made.output)")
            #expect(!FileManager.default.fileExists(atPath: folder.file(name)))
        }
        let refused = try await run(BuiltBinary.path, ["new", "martlet", "--folder", folder.file("a")])
        #expect(!refused.isSuccess && refused.output.contains("martlet is a name of Martlet's own"))
    }

    @Test func dependenciesAreWrittenOut() {
        #expect(MartletDependency.path("/a \"b\"").line == #".package(name: "martlet", path: "/a \"b\"", traits: [])"#)
        let repository = MartletDependency.repository("https://example.org/x/martlet.git", branch: "main")
        #expect(repository.identity == "martlet")
        #expect(repository.line.contains(#"url: "https://example.org/x/martlet.git", branch: "main""#))
    }

    /// The build compiles and tests what the template makes: it is a fixture of this package.
    @Test func theTemplateIsTheFixture() throws {
        let name = try #require(ProjectName("martlet-scaffold"))
        let template = ProjectTemplate(name, .path("/somewhere"))
        let fixture = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Fixtures/Scaffold")
        var compared = 0
        for (path, text) in template.files where path.hasPrefix("Sources/") || path.hasPrefix("Tests/") {
            #expect(try String(contentsOf: fixture.appending(path: path), encoding: .utf8) == text, "\(path)")
            compared += 1
        }
        #expect(compared == 4)
    }

    @Test func makesAPackageOnce() async throws {
        let folder = try TemporaryFolder()
        let project = folder.file("my-shop")
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().path
        let made = try await run(
            BuiltBinary.path, ["new", "my-shop", "--folder", project, "--martlet-path", root])
        #expect(made.isSuccess && made.output.contains("swift test"), "\(made.output)")
        // The manifest is one to the package manager; this fetches and builds nothing.
        let manifest = try await output(of: "swift", ["package", "--package-path", project, "dump-package"])
        for name in ["MyShop", "MyShopServer", "MyShopClient", "MyShopTests"] {
            #expect(manifest.contains("\"\(name)\""))
        }
        let again = try await run(BuiltBinary.path, ["new", "my-shop", "--folder", project, "--martlet-path", root])
        #expect(!again.isSuccess && again.output.contains("is not empty"))
        let nowhere = try await run(
            BuiltBinary.path, ["new", "x", "--folder", folder.file("x"), "--martlet-path", folder.path])
        #expect(nowhere.output.contains("holds no Package.swift"))
        let wrong = try await run(BuiltBinary.path, ["new", "1 2", "--martlet-path", root])
        #expect(!wrong.isSuccess && wrong.output.contains("1 2 is no name"))
    }
}
