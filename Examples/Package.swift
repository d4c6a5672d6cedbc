// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

// Built as anybody's package is, from Martlet's public products only: by `make examples`, or here by
// `swift run Interceptors`.
let martlet = Target.Dependency.product(name: "Martlet", package: "martlet")
let etcd = Target.Dependency.product(name: "MartletEtcd", package: "martlet")
let embedded = Target.Dependency.product(name: "MartletEmbedded", package: "martlet")

let package = Package(
    name: "martlet-examples",
    platforms: [.macOS(.v15)],
    dependencies: [
        // The store that is embedded needs the server's packages; the others need no trait.
        .package(name: "martlet", path: "..", traits: ["Server"]),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.0.0"),
    ],
    targets: [
        .executableTarget(name: "GreeterService", dependencies: [martlet, etcd], path: "GreeterService"),
        .executableTarget(name: "GreeterClient", dependencies: [martlet, etcd], path: "GreeterClient"),
        .executableTarget(name: "Chat", dependencies: [martlet, etcd], path: "Chat"),
        .executableTarget(name: "Embedded", dependencies: [martlet, embedded], path: "Embedded"),
        .executableTarget(name: "Interceptors", dependencies: [martlet], path: "Interceptors"),
        .executableTarget(name: "PubSub", dependencies: [martlet], path: "PubSub"),
        .executableTarget(name: "Resilience", dependencies: [martlet], path: "Resilience"),
        .executableTarget(
            name: "HTTPFront",
            dependencies: [martlet, etcd, .product(name: "Hummingbird", package: "hummingbird")], path: "HTTPFront"),
    ]
)
