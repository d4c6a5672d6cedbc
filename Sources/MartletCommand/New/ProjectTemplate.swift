// SPDX-License-Identifier: Apache-2.0

/// The files of a new project.
package struct ProjectTemplate: Sendable {
    package let name: ProjectName
    package let dependency: MartletDependency

    package init(_ name: ProjectName, _ dependency: MartletDependency) {
        self.name = name
        self.dependency = dependency
    }

    /// Paths inside the project's folder, and what they hold.
    package var files: [(path: String, text: String)] {
        [
            ("Package.swift", manifest),
            ("Sources/\(name.module)/\(name.module).swift", service),
            ("Sources/\(name.module)Server/Main.swift", server),
            ("Sources/\(name.module)Client/Main.swift", client),
            ("Tests/\(name.module)Tests/\(name.module)Tests.swift", test),
            (".gitignore", ".build/\n*.xcodeproj\n.swiftpm/\n"),
            ("README.md", readme),
        ]
    }

    private var manifest: String {
        let product = { (product: String) in ".product(name: \"\(product)\", package: \"\(dependency.identity)\")" }
        return """
            // swift-tools-version: 6.2
            import PackageDescription

            let package = Package(
                name: "\(name.service)",
                platforms: [.macOS(.v15)],
                dependencies: [
                    // The traits are what only some need: see Martlet's manifest.
                    \(dependency.line)
                ],
                targets: [
                    .target(name: "\(name.module)", dependencies: [\(product("Martlet"))]),
                    .executableTarget(
                        name: "\(name.module)Server",
                        dependencies: ["\(name.module)", \(product("Martlet")), \(product("MartletEtcd"))]),
                    .executableTarget(
                        name: "\(name.module)Client",
                        dependencies: ["\(name.module)", \(product("Martlet")), \(product("MartletEtcd"))]),
                    .testTarget(
                        name: "\(name.module)Tests",
                        dependencies: ["\(name.module)", \(product("Martlet")), \(product("MartletTesting"))]),
                ]
            )

            """
    }

    private var service: String {
        """
        import Martlet

        public struct HelloRequest: Codable, Sendable {
            public var name: String

            public init(name: String) { self.name = name }
        }

        public struct HelloResponse: Codable, Sendable {
            public var greeting: String
        }

        /// The service, ready to run: the server runs it on a network, the tests inside their process.
        public func makeService(registry: some ServiceRegistry = .memory) -> MicroService {
            var service = MicroService("\(name.service)", version: "1", registry: registry)
            service.handle("\(name.handler).Hello") { (request: HelloRequest, context) in
                guard !request.name.isEmpty else { throw MicroError(.badRequest, "who shall be greeted?") }
                return HelloResponse(greeting: "Hello \\(request.name)")
            }
            return service
        }

        """
    }

    private var server: String {
        """
        import Martlet
        import MartletEtcd
        import \(name.module)

        @main struct Main {
            static func main() async throws {
                try await makeService(registry: .etcd("127.0.0.1:2379")).runService()
            }
        }

        """
    }

    private var client: String {
        """
        import Martlet
        import MartletEtcd
        import \(name.module)

        @main struct Main {
            static func main() async throws {
                let name = CommandLine.arguments.dropFirst().first ?? "John"
                try await withMicroClient(registry: .etcd("127.0.0.1:2379")) { client in
                    let reply: HelloResponse = try await client.call(
                        "\(name.service)", "\(name.handler).Hello", HelloRequest(name: name)
                    ) { $0.isIdempotent = true }
                    print(reply.greeting)
                }
            }
        }

        """
    }

    private var test: String {
        """
        import Martlet
        import MartletTesting
        import \(name.module)
        import Testing

        /// Each test runs without a socket, and again through a real one.
        @Suite struct \(name.module)Tests {
            @Test(arguments: MicroTestDepth.allCases) func greets(_ depth: MicroTestDepth) async throws {
                let service = makeService()
                try await service.test(depth) { client in
                    let reply: HelloResponse = try await client.call(
                        service.name, "\(name.handler).Hello", HelloRequest(name: "Ann"))
                    #expect(reply.greeting == "Hello Ann")
                }
            }

            @Test func wantsAName() async throws {
                let service = makeService()
                try await service.test { client in
                    let error = await #expect(throws: MicroError.self) {
                        let _: HelloResponse = try await client.call(
                            service.name, "\(name.handler).Hello", HelloRequest(name: ""))
                    }
                    #expect(error?.code == .badRequest)
                }
            }
        }

        """
    }

    private var readme: String {
        """
        # \(name.service)

        A service on Martlet. Its messages and its handler are in `Sources/\(name.module)`.

            martlet server                        # a registry; or any etcd
            swift run \(name.module)Server
            swift run \(name.module)Client Ann
            swift test

        What runs, and what it takes:

            martlet services
            martlet describe \(name.service)
            martlet call \(name.service) \(name.handler).Hello '{"name": "Ann"}'

        """
    }
}
