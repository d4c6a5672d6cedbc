// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

// Built as anybody's package is, from Martlet's public products only: by `make examples`, or here by
// `swift run Interceptors`.
let martlet = Target.Dependency.product(name: "Martlet", package: "martlet")
let embedded = Target.Dependency.product(name: "MartletEmbedded", package: "martlet")

let package = Package(
    name: "martlet-examples",
    platforms: [.macOS(.v15)],
    dependencies: [
        // The store that is embedded needs the server's packages. A program that only ever talks to servers takes
        // MartletEtcd and MartletRedis instead, and needs no trait. `Configuration` is for values that the store keeps.
        .package(name: "martlet", path: "..", traits: ["Server", "Configuration"]),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.0.0"),
    ],
    targets: [
        .executableTarget(name: "Greeter", dependencies: [martlet, embedded], path: "Greeter"),
        .executableTarget(name: "Chat", dependencies: [martlet, embedded], path: "Chat"),
        .executableTarget(
            name: "Embedded",
            dependencies: [martlet, embedded, .product(name: "Configuration", package: "swift-configuration")],
            path: "Embedded"),
        .executableTarget(name: "Interceptors", dependencies: [martlet, embedded], path: "Interceptors"),
        .executableTarget(name: "PubSub", dependencies: [martlet, embedded], path: "PubSub"),
        .executableTarget(name: "Resilience", dependencies: [martlet, embedded], path: "Resilience"),
        .executableTarget(
            name: "HTTPFront",
            dependencies: [martlet, embedded, .product(name: "Hummingbird", package: "hummingbird")],
            path: "HTTPFront"),
    ]
)
