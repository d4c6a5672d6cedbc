// SPDX-License-Identifier: Apache-2.0

/// What a new project is called, in the places where it needs a name.
package struct ProjectName: Equatable, Sendable {
    /// The package, its folder, and the service in the registry: `my-shop`.
    package let service: String
    /// The Swift module: `MyShop`.
    package let module: String
    /// The handler in endpoints' names; a type of the same name as its module would hide the module.
    package var handler: String { module + "Handler" }

    /// Longer names make paths that some systems don't take.
    private static let maximumCharacters = 64

    /// - Returns: `nil` for a name that isn't letters, digits, dashes, dots and underscores, a letter first.
    package init?(_ text: String) {
        guard let first = text.first, first.isASCII, first.isLetter, text.count <= Self.maximumCharacters,
            text.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "-._".contains($0)) })
        else { return nil }
        service = text
        var module = ""
        for word in text.split(whereSeparator: { "-._".contains($0) }) {
            module += word.prefix(1).uppercased() + word.dropFirst()
        }
        if TakenNames.isModule(module) { module += "Service" }
        self.module = module
    }

    /// Why no project can be called so, if that is so.
    package static func refusal(of text: String) -> String? {
        guard let name = ProjectName(text) else {
            return "\(text) is no name: letters, digits, dashes, dots and underscores, a letter first"
        }
        // Two packages of one build can't both have a module of one name, and this one depends on Martlet.
        guard name.module.lowercased().hasPrefix("martlet") else { return nil }
        return "\(text) is a name of Martlet's own, which the new package depends on: choose another, "
            + "such as my-\(text)"
    }
}

/// Names that are not free in a package that depends on Martlet.
package enum TakenNames {
    /// Whether Swift, its libraries, a package that Martlet depends on, or the template has it for something else.
    /// Systems that don't tell capital letters apart build both in one place.
    package static func isModule(_ module: String) -> Bool {
        let name = module.lowercased()
        return modules.contains(name) || modulePrefixes.contains { name.hasPrefix($0) }
    }

    private static let modules: Set<String> = [
        // Words of Swift.
        "any", "self", "type", "protocol",
        // What comes with it.
        "swift", "builtin", "cxx", "cxxstdlib", "darwin", "dispatch", "distributed", "foundation",
        "foundationessentials", "foundationinternationalization", "foundationnetworking", "foundationxml", "glibc",
        "musl", "observation", "regexbuilder", "synchronization", "testing", "xctest", "combine", "os",
        // Packages that Martlet depends on, whichever of its traits is on.
        "argumentparser", "asyncalgorithms", "atomics", "bitcollections", "collections", "concurrencyhelpers",
        "configuration", "configurationtesting", "coremetrics", "crypto", "cryptoextras", "csystem", "dequemodule",
        "hashtreecollections", "heapmodule", "histogram", "inmemorytracing", "instrumentation", "logging", "metrics",
        "metricstestkit", "numerics", "orderedcollections", "ropemodule", "servicecontextmodule", "servicelifecycle",
        "sortedcollections", "swiftasn1", "systempackage", "tracing", "unixsignals", "x509",
        // What the template's files call something else.
        "main", "hellorequest", "helloresponse",
    ]

    private static let modulePrefixes = ["nio", "cnio", "grpc", "swiftprotobuf"]

    /// The packages that a build with Martlet may have, by the names of their folders, which is how the package manager
    /// tells packages apart.
    package static let packages: Set<String> = [
        "grpc-swift-2", "grpc-swift-protobuf", "hdrhistogram-swift", "martlet", "swift-argument-parser", "swift-asn1",
        "swift-async-algorithms", "swift-atomics", "swift-certificates", "swift-collections", "swift-configuration",
        "swift-crypto", "swift-distributed-tracing", "swift-log", "swift-metrics", "swift-nio", "swift-nio-ssl",
        "swift-numerics", "swift-protobuf", "swift-service-context", "swift-service-lifecycle", "swift-system",
    ]
}
