// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableUpcomingFeature("ImmutableWeakCaptures"),
]

// Packages that only some users need stand behind a trait: whoever disables it doesn't even fetch them.
let server = TargetDependencyCondition.when(traits: ["Server"])
let grpcSwift = TargetDependencyCondition.when(traits: ["GRPCSwift"])
let configurable = TargetDependencyCondition.when(traits: ["Configuration"])
let observable = TargetDependencyCondition.when(traits: ["Observability"])

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let protobufPlugin = Target.Dependency.product(name: "SwiftProtobufPluginLibrary", package: "swift-protobuf")
let grpcCore = Target.Dependency.product(name: "GRPCCore", package: "grpc-swift-2", condition: grpcSwift)
let grpcProtobuf = Target.Dependency.product(name: "GRPCProtobuf", package: "grpc-swift-protobuf", condition: grpcSwift)
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto", condition: server)
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto", condition: server)
let x509 = Target.Dependency.product(name: "X509", package: "swift-certificates", condition: server)
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1", condition: server)
let config = Target.Dependency.product(name: "Configuration", package: "swift-configuration", condition: configurable)
let configurationTesting = Target.Dependency.product(
    name: "ConfigurationTesting", package: "swift-configuration", condition: configurable)
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let tracing = Target.Dependency.product(name: "Tracing", package: "swift-distributed-tracing", condition: observable)
let inMemoryTracing = Target.Dependency.product(
    name: "InMemoryTracing", package: "swift-distributed-tracing", condition: observable)
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics", condition: observable)
let metricsKit = Target.Dependency.product(name: "MetricsTestKit", package: "swift-metrics", condition: observable)
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser", condition: server)
let histogram = Target.Dependency.product(name: "Histogram", package: "hdrhistogram-swift", condition: server)

let package = Package(
    name: "martlet",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Martlet", targets: ["Martlet"]),
        .library(name: "MartletConfiguration", targets: ["MartletConfiguration"]),
        .library(name: "MartletObservability", targets: ["MartletObservability"]),
        .library(name: "MartletEmbedded", targets: ["MartletEmbedded"]),
        .library(name: "MartletEtcd", targets: ["MartletEtcd"]),
        .library(name: "MartletEtcdClient", targets: ["MartletEtcdClient"]),
        .library(name: "MartletEtcdConfiguration", targets: ["MartletEtcdConfiguration"]),
        .library(name: "MartletGRPC", targets: ["MartletGRPC"]),
        .library(name: "MartletRedis", targets: ["MartletRedis"]),
        .library(name: "MartletRedisClient", targets: ["MartletRedisClient"]),
        .library(name: "MartletTesting", targets: ["MartletTesting"]),
        .executable(name: "martlet", targets: ["MartletCommand"]),
        .executable(name: "protoc-gen-martlet", targets: ["MartletProtocPlugin"]),
    ],
    traits: [
        .default(enabledTraits: ["Server", "GRPCSwift", "Configuration", "Observability"]),
        .trait(name: "Server", description: "What the server, its tool, MartletEmbedded and the tests need."),
        .trait(name: "GRPCSwift", description: "The product MartletGRPC, for code generated for grpc-swift-2."),
        .trait(name: "Configuration", description: "MartletConfiguration and MartletEtcdConfiguration."),
        .trait(name: "Observability", description: "MartletObservability, for swift-metrics and tracing."),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: ["CommandLineArguments"]),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.3"),
        .package(url: "https://github.com/grpc/grpc-swift-protobuf", from: "2.4.1"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // Leaves
        .target(name: "MartletBasics", path: "Sources/Basics"),
        .systemLibrary(
            name: "CMartletNghttp2", path: "Sources/CNghttp2", pkgConfig: "libnghttp2",
            providers: [.apt(["libnghttp2-dev"]), .brew(["libnghttp2"])]),
        .systemLibrary(
            name: "CMartletZlib", path: "Sources/CZlib", pkgConfig: "zlib",
            providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
        .systemLibrary(
            name: "CMartletLMDB", path: "Sources/CLMDB", pkgConfig: "lmdb",
            providers: [.apt(["liblmdb-dev"]), .brew(["lmdb"])]),
        .target(name: "CMartletPosix", path: "Sources/CPosix"),
        .systemLibrary(
            name: "CMartletCrypt", path: "Sources/CCrypt", pkgConfig: "libcrypt",
            providers: [.apt(["libcrypt-dev"]), .brew(["libxcrypt"])]),
        .target(name: "MartletProcesses", path: "Sources/Processes"),
        .target(name: "MartletEtcdAPI", dependencies: [protobuf], path: "Sources/EtcdAPI"),
        .target(name: "MartletWireAPI", dependencies: [protobuf], path: "Sources/WireAPI"),
        .target(name: "MartletJSON", path: "Sources/JSON"),

        // Pure cores
        .target(name: "MartletKeyValue", dependencies: ["CMartletPosix", "MartletBasics"], path: "Sources/KeyValue"),
        .target(name: "MartletAuth", dependencies: ["MartletBasics", "MartletKeyValue"], path: "Sources/Auth"),
        .target(name: "MartletRaft", dependencies: ["MartletBasics"], path: "Sources/Raft"),
        .target(name: "MartletWALCodec", dependencies: ["CMartletPosix", "MartletBasics"], path: "Sources/WALCodec"),
        .target(name: "MartletStreams", dependencies: ["MartletBasics"], path: "Sources/Streams"),
        .target(name: "MartletRESPCodec", dependencies: ["MartletBasics"], path: "Sources/RESPCodec"),
        .target(
            name: "MartletKeyspace",
            dependencies: ["MartletAuth", "MartletBasics", "MartletKeyValue", "MartletRESPCodec", "MartletStreams"],
            path: "Sources/Keyspace"),
        .target(
            name: "MartletReplica",
            dependencies: [
                "MartletAuth", "MartletBasics", "MartletKeyValue", "MartletKeyspace", "MartletRESPCodec",
                "MartletRaft", "MartletStreams", "MartletWALCodec",
            ],
            path: "Sources/Replica"),
        .target(name: "MartletDNSCodec", path: "Sources/DNSCodec"),
        .target(name: "MartletBoltFile", path: "Sources/BoltFile"),
        .target(
            name: "MartletEtcdSnapshot",
            dependencies: ["MartletBasics", "MartletBoltFile", "MartletJSON", "MartletKeyValue", crypto],
            path: "Sources/EtcdSnapshot"),

        // Shells
        .target(
            name: "MartletStorage",
            dependencies: ["CMartletLMDB", "CMartletPosix", "MartletBasics", "MartletWALCodec"],
            path: "Sources/Storage"),
        .target(
            name: "MartletNode",
            dependencies: [
                "CMartletPosix", "MartletAuth", "MartletBasics", "MartletBoltFile", "MartletEtcdSnapshot",
                "MartletKeyValue", "MartletKeyspace", "MartletRESPCodec", "MartletRaft", "MartletReplica",
                "MartletStorage", "MartletWALCodec", logging, nioCore,
            ],
            path: "Sources/Node"),
        .target(
            name: "MartletRedisServer",
            dependencies: [
                "CMartletPosix", "MartletAuth", "MartletInProcess", "MartletKeyspace", "MartletNode",
                "MartletRESPCodec", "MartletStreams", nioCore, nioPosix,
            ],
            path: "Sources/RedisServer"),
        .target(
            name: "MartletSimulatedDisk", dependencies: ["MartletBasics", "MartletStorage"],
            path: "Sources/SimulatedDisk"),
        .target(
            name: "MartletSimulation",
            dependencies: [
                "MartletBasics", "MartletKeyValue", "MartletKeyspace", "MartletRESPCodec", "MartletRaft",
                "MartletReplica", "MartletSimulatedDisk", "MartletStorage", "MartletWALCodec",
            ],
            path: "Sources/Simulation"),
        .target(
            name: "MartletAuthTokens",
            dependencies: ["CMartletCrypt", "MartletAuth", asn1, crypto, cryptoExtras, x509],
            path: "Sources/AuthTokens"),
        .target(name: "MartletHTTP2Session", dependencies: ["CMartletNghttp2", deque], path: "Sources/HTTP2Session"),
        .target(name: "MartletInProcess", dependencies: [deque, nioCore], path: "Sources/InProcess"),
        .target(
            name: "MartletGRPCWire",
            dependencies: [
                "CMartletZlib", "MartletBasics", "MartletHTTP2Session", "MartletInProcess", deque, logging, nioCore,
                nioPosix, nioHTTP1, nioSSL,
            ],
            path: "Sources/GRPCWire"),
        .target(
            name: "MartletPeerWire",
            dependencies: ["MartletBasics", "MartletGRPCWire", "MartletRaft", logging, nioCore],
            path: "Sources/PeerWire"),
        .target(
            name: "MartletWireServices",
            dependencies: ["MartletGRPCWire", "MartletHTTP2Session", "MartletWireAPI", nioCore, protobuf],
            path: "Sources/WireServices"),
        .target(
            name: "MartletReflection",
            dependencies: ["MartletBasics", "MartletGRPCWire", "MartletJSON", "MartletWireAPI", protobuf],
            path: "Sources/Reflection"),
        .target(
            name: "MartletEtcdServer",
            dependencies: [
                "MartletBasics", "MartletEtcdAPI", "MartletGRPCWire", "MartletHTTP2Session", "MartletKeyValue",
                "MartletKeyspace", "MartletAuth", "MartletAuthTokens", "MartletNode", "MartletPeerWire", "MartletRaft",
                "MartletReplica", "MartletStorage", "MartletStreams", "MartletWALCodec", "MartletWireServices", nioCore,
                nioPosix, logging, protobuf,
            ],
            path: "Sources/EtcdServer"),
        .target(
            name: "MartletEtcdClient",
            dependencies: [
                "MartletBasics", "MartletEtcdAPI", "MartletGRPCWire", "MartletHTTP2Session", logging, nioCore, protobuf,
            ],
            path: "Sources/EtcdClient"),
        .target(
            name: "MartletEtcdConfiguration", dependencies: ["MartletEtcdClient", config, lifecycle],
            path: "Sources/EtcdConfiguration"),
        .target(
            name: "MartletRedisClient",
            dependencies: ["MartletInProcess", "MartletRESPCodec", deque, logging, nioCore, nioPosix, nioSSL],
            path: "Sources/RedisClient"),
        .target(
            name: "Martlet",
            dependencies: [
                "CMartletZlib", "MartletDNSCodec", "MartletGRPCWire", "MartletHTTP2Session", "MartletWireAPI",
                "MartletWireServices", logging, lifecycle, signals, deque, nioCore, nioHTTP1, nioPosix, protobuf,
            ],
            path: "Sources/Martlet"),
        .target(
            name: "MartletConfiguration", dependencies: ["Martlet", config, logging], path: "Sources/Configuration"),
        .target(
            name: "MartletObservability", dependencies: ["Martlet", coreMetrics, tracing],
            path: "Sources/Observability"),
        .target(
            name: "MartletEtcd", dependencies: ["Martlet", "MartletEtcdClient", logging, nioCore],
            path: "Sources/Etcd"),
        .target(name: "MartletRedis", dependencies: ["Martlet", "MartletRedisClient", logging], path: "Sources/Redis"),
        .target(
            name: "MartletEmbedded",
            dependencies: [
                "Martlet", "MartletBasics", "MartletEtcd", "MartletEtcdAPI", "MartletEtcdClient", "MartletEtcdServer",
                "MartletGRPCWire", "MartletNode", "MartletRedis", "MartletRedisClient", "MartletRedisServer",
                "MartletStorage", "MartletWireServices", lifecycle, logging, nioCore, nioPosix, protobuf,
                .target(name: "MartletEtcdConfiguration", condition: configurable),
            ],
            path: "Sources/Embedded"),
        .target(name: "MartletTesting", dependencies: ["Martlet"], path: "Sources/Testing"),
        .target(
            name: "MartletGRPC",
            dependencies: ["Martlet", "MartletGRPCWire", "MartletHTTP2Session", grpcCore, logging, nioCore, nioPosix],
            path: "Sources/GRPCSwiftAdapter"),

        // Programs
        .executableTarget(
            name: "MartletCommand",
            dependencies: [
                "CMartletPosix", "Martlet", "MartletAuth", "MartletAuthTokens", "MartletEtcd", "MartletEtcdClient",
                "MartletEtcdServer", "MartletEtcdSnapshot", "MartletGRPCWire", "MartletJSON", "MartletNode",
                "MartletPeerWire", "MartletProcesses", "MartletRaft", "MartletRedisClient", "MartletRedisServer",
                "MartletReflection", "MartletReplica", "MartletStorage", "MartletWALCodec", "MartletWireAPI",
                "MartletWireServices", arguments, asn1, crypto, histogram, logging, nioCore, nioPosix, protobuf,
                signals, x509,
            ],
            path: "Sources/MartletCommand"),
        .executableTarget(
            name: "MartletProtocPlugin", dependencies: [protobuf, protobufPlugin], path: "Sources/ProtocGenMartlet"),
        .executableTarget(
            name: "MartletWireBench", dependencies: ["MartletGRPCWire", "MartletHTTP2Session", logging, nioCore],
            path: "Sources/WireBench"),
        .executableTarget(
            name: "MartletStoreBench", dependencies: ["MartletBasics", "MartletKeyValue"], path: "Sources/StoreBench"),
        .executableTarget(
            name: "MartletFleetBench",
            dependencies: [
                "Martlet", "MartletEtcd", "MartletEtcdClient", "MartletProcesses", arguments, histogram,
                lifecycle, logging, nioCore, protobuf, signals,
            ],
            path: "Sources/FleetBench"),
        .executableTarget(
            name: "MartletEmbeddedBench", dependencies: ["MartletEmbedded", arguments], path: "Sources/EmbeddedBench"),
        .executableTarget(
            name: "MartletWireFuzz",
            dependencies: [
                "MartletBasics", "MartletGRPCWire", "MartletHTTP2Session", logging, nioCore, nioEmbedded, nioPosix,
            ],
            path: "Sources/WireFuzz"),
        .executableTarget(name: "MartletSimulate", dependencies: ["MartletSimulation"], path: "Sources/Simulate"),

        // Examples, which see of Martlet what every package sees. Examples/Package.swift builds them from outside.
        .executableTarget(
            name: "MartletExampleGreeter", dependencies: ["Martlet", "MartletEmbedded"], path: "Examples/Greeter",
            packageAccess: false),
        .executableTarget(
            name: "MartletExampleChat", dependencies: ["Martlet", "MartletEmbedded"], path: "Examples/Chat",
            packageAccess: false),
        .executableTarget(
            name: "MartletExampleInterceptors", dependencies: ["Martlet", "MartletEmbedded"],
            path: "Examples/Interceptors", packageAccess: false),
        .executableTarget(
            name: "MartletExamplePubSub", dependencies: ["Martlet", "MartletEmbedded"], path: "Examples/PubSub",
            packageAccess: false),
        .executableTarget(
            name: "MartletExampleEmbedded", dependencies: ["Martlet", "MartletEmbedded", config],
            path: "Examples/Embedded", packageAccess: false),
        .executableTarget(
            name: "MartletExampleResilience", dependencies: ["Martlet", "MartletEmbedded"], path: "Examples/Resilience",
            packageAccess: false),

        // Tests
        .target(
            name: "MartletScaffold", dependencies: ["Martlet"], path: "Tests/Fixtures/Scaffold/Sources/MartletScaffold",
            packageAccess: false),
        .executableTarget(
            name: "MartletScaffoldServer", dependencies: ["Martlet", "MartletEtcd", "MartletScaffold"],
            path: "Tests/Fixtures/Scaffold/Sources/MartletScaffoldServer", packageAccess: false),
        .executableTarget(
            name: "MartletScaffoldClient", dependencies: ["Martlet", "MartletEtcd", "MartletScaffold"],
            path: "Tests/Fixtures/Scaffold/Sources/MartletScaffoldClient", packageAccess: false),
        .testTarget(
            name: "MartletScaffoldTests", dependencies: ["Martlet", "MartletScaffold", "MartletTesting"],
            path: "Tests/Fixtures/Scaffold/Tests/MartletScaffoldTests", packageAccess: false),
        .target(name: "MartletGreeterFixture", dependencies: [protobuf], path: "Tests/Fixtures/Greeter"),
        .target(
            name: "MartletGreeterGRPCFixture",
            dependencies: ["MartletGreeterFixture", grpcCore, grpcProtobuf, protobuf],
            path: "Tests/Fixtures/GreeterGRPC"),
        .target(
            name: "MartletGreeterMartletFixture", dependencies: ["Martlet", "MartletGreeterFixture"],
            path: "Tests/Fixtures/GreeterMartlet"),
        .target(name: "MartletKindsFixture", dependencies: [protobuf], path: "Tests/Fixtures/Kinds"),
        .target(
            name: "MartletWireGreeter",
            dependencies: [
                "MartletGRPCWire", "MartletGreeterFixture", "MartletHTTP2Session", "MartletWireServices", logging,
                nioCore, nioPosix, protobuf,
            ],
            path: "Tests/Fixtures/WireGreeter"),
        .target(name: "MartletTestPrograms", dependencies: ["MartletProcesses"], path: "Tests/Fixtures/Programs"),
        .target(
            name: "MartletRESPClient", dependencies: ["MartletBasics", "MartletRESPCodec", nioCore, nioPosix],
            path: "Tests/Fixtures/RESPClient"),
        .target(
            name: "MartletSnapshotStream", dependencies: ["MartletEtcdSnapshot"],
            path: "Tests/Fixtures/SnapshotStream"),
        .target(
            name: "MartletEtcdPeers",
            dependencies: ["MartletBasics", "MartletKeyValue", "MartletProcesses", "MartletTestPrograms"],
            path: "Tests/Fixtures/EtcdPeers"),
        .target(
            name: "MartletDiskLoss", dependencies: ["MartletBasics", "MartletTestPrograms"], path: "Tests/DiskLoss",
            exclude: ["Preload", "Writer"]),
        .target(
            name: "MartletAllocationCount", dependencies: ["MartletTestPrograms"], path: "Tests/AllocationCount",
            exclude: ["Preload"]),
        .executableTarget(
            name: "MartletTablesChild", dependencies: ["MartletBasics", "MartletStorage"],
            path: "Tests/Fixtures/TablesChild"),
        .testTarget(name: "MartletRaftTests", dependencies: ["MartletBasics", "MartletRaft"], path: "Tests/RaftTests"),
        .testTarget(
            name: "MartletReplicaTests",
            dependencies: [
                "MartletAuth", "MartletBasics", "MartletKeyValue", "MartletKeyspace", "MartletRESPCodec", "MartletRaft",
                "MartletReplica", "MartletStreams", "MartletWALCodec",
            ],
            path: "Tests/ReplicaTests"),
        .testTarget(
            name: "MartletSimulationTests",
            dependencies: [
                "MartletBasics", "MartletKeyValue", "MartletReplica", "MartletSimulate", "MartletSimulation",
                "MartletTestPrograms",
            ],
            path: "Tests/SimulationTests"),
        .testTarget(
            name: "MartletStorageTests",
            dependencies: [
                "CMartletPosix", "MartletBasics", "MartletKeyValue", "MartletProcesses", "MartletSimulatedDisk",
                "MartletStorage", "MartletTablesChild", "MartletTestPrograms", "MartletWALCodec",
            ],
            path: "Tests/StorageTests"),
        .testTarget(
            name: "MartletStreamsTests", dependencies: ["MartletBasics", "MartletStreams"], path: "Tests/StreamsTests"),
        .testTarget(
            name: "MartletRESPCodecTests", dependencies: ["MartletBasics", "MartletRESPCodec"],
            path: "Tests/RESPCodecTests"),
        .testTarget(
            name: "MartletKeyspaceTests",
            dependencies: [
                "MartletAuth", "MartletBasics", "MartletKeyValue", "MartletKeyspace", "MartletRESPCodec",
                "MartletStreams",
            ],
            path: "Tests/KeyspaceTests", exclude: ["Golden"]),
        .testTarget(
            name: "MartletRedisServerTests",
            dependencies: [
                "MartletAuth", "MartletKeyspace", "MartletNode", "MartletProcesses", "MartletRESPClient",
                "MartletRESPCodec", "MartletRaft", "MartletRedisServer", "MartletReplica", "MartletTestPrograms",
                "MartletWALCodec", logging, nioCore, nioPosix,
            ],
            path: "Tests/RedisServerTests"),
        .target(
            name: "MartletRedisPeers",
            dependencies: [
                "MartletNode", "MartletProcesses", "MartletRaft", "MartletRedisServer", "MartletReplica",
                "MartletTestPrograms", "MartletWALCodec", logging, nioCore, nioPosix,
            ],
            path: "Tests/Fixtures/RedisPeers"),
        .testTarget(
            name: "MartletRedisClientTests",
            dependencies: [
                "MartletBasics", "MartletRESPCodec", "MartletRedisClient", "MartletRedisPeers", "MartletTestPrograms",
                logging, nioCore, nioPosix,
            ],
            path: "Tests/RedisClientTests"),
        .testTarget(
            name: "MartletRedisTests",
            dependencies: [
                "Martlet", "MartletRedis", "MartletRedisClient", "MartletRedisPeers", "MartletTestPrograms", logging,
            ],
            path: "Tests/MartletRedisTests"),
        .testTarget(
            name: "MartletWALCodecTests", dependencies: ["CMartletPosix", "MartletBasics", "MartletWALCodec"],
            path: "Tests/WALCodecTests"),
        .testTarget(
            name: "MartletAuthTests", dependencies: ["MartletAuth", "MartletBasics", "MartletKeyValue"],
            path: "Tests/AuthTests"),
        .testTarget(
            name: "MartletAuthTokensTests",
            dependencies: ["MartletAuth", "MartletAuthTokens", "MartletBasics", asn1, crypto, cryptoExtras, x509],
            path: "Tests/AuthTokensTests"),
        .testTarget(
            name: "MartletBoltFileTests", dependencies: ["MartletBasics", "MartletBoltFile"],
            path: "Tests/BoltFileTests"),
        .testTarget(
            name: "MartletEtcdSnapshotTests",
            dependencies: [
                "MartletBasics", "MartletBoltFile", "MartletEtcdPeers", "MartletEtcdSnapshot", "MartletKeyValue",
                "MartletSnapshotStream", "MartletTestPrograms",
            ],
            path: "Tests/EtcdSnapshotTests", exclude: ["Fixtures"]),
        .testTarget(
            name: "MartletNodeTests",
            dependencies: [
                "MartletAuth", "MartletBasics", "MartletBoltFile", "MartletEtcdPeers", "MartletEtcdSnapshot",
                "MartletKeyValue", "MartletNode", "MartletRaft", "MartletReplica", "MartletSnapshotStream",
                "MartletStorage", "MartletTestPrograms", "MartletWALCodec", logging, nioCore, nioPosix,
            ],
            path: "Tests/NodeTests"),
        .testTarget(
            name: "MartletPeerWireTests",
            dependencies: [
                "MartletBasics", "MartletGRPCWire", "MartletPeerWire", "MartletRaft", logging, nioCore, nioPosix,
            ],
            path: "Tests/PeerWireTests"),
        .testTarget(name: "MartletBasicsTests", dependencies: ["MartletBasics"], path: "Tests/BasicsTests"),
        .testTarget(
            name: "MartletKeyValueTests", dependencies: ["MartletKeyValue", "MartletBasics"],
            path: "Tests/KeyValueTests"),
        .testTarget(
            name: "MartletHTTP2SessionTests", dependencies: ["MartletBasics", "MartletHTTP2Session"],
            path: "Tests/HTTP2SessionTests"),
        .testTarget(
            name: "MartletGRPCWireTests",
            dependencies: [
                "MartletBasics", "MartletGRPCWire", "MartletGreeterFixture", "MartletHTTP2Session",
                "MartletProcesses", "MartletTestPrograms", "MartletWireFuzz", "MartletWireGreeter", logging, nioCore,
                nioEmbedded, nioPosix, protobuf,
            ],
            path: "Tests/GRPCWireTests"),
        .testTarget(
            name: "MartletWireServicesTests",
            dependencies: [
                "MartletGRPCWire", "MartletGreeterFixture", "MartletHTTP2Session", "MartletWireAPI",
                "MartletWireServices", logging, nioCore, protobuf,
            ],
            path: "Tests/WireServicesTests"),
        .testTarget(
            name: "MartletReflectionTests",
            dependencies: [
                "MartletBasics", "MartletGRPCWire", "MartletGreeterFixture", "MartletJSON", "MartletKindsFixture",
                "MartletReflection", "MartletWireServices", logging, nioCore, protobuf,
            ],
            path: "Tests/ReflectionTests"),
        .testTarget(
            name: "MartletProtocPluginTests",
            dependencies: [
                "Martlet", "MartletGreeterFixture", "MartletGreeterMartletFixture", "MartletKindsFixture",
                "MartletProtocPlugin", "MartletTestPrograms", protobuf, protobufPlugin,
            ],
            path: "Tests/ProtocGenMartletTests"),
        .testTarget(
            name: "MartletGRPCTests",
            dependencies: [
                "Martlet", "MartletGRPC", "MartletGRPCWire", "MartletGreeterFixture", "MartletGreeterGRPCFixture",
                "MartletHTTP2Session", grpcCore, logging, nioCore, protobuf,
            ],
            path: "Tests/GRPCSwiftAdapterTests"),
        .testTarget(
            name: "MartletEtcdServerTests",
            dependencies: [
                "MartletAuth", "MartletAuthTokens", "MartletBasics", "MartletEtcdAPI", "MartletEtcdServer",
                "MartletGRPCWire", "MartletHTTP2Session", "MartletKeyValue", "MartletNode", "MartletPeerWire",
                "MartletRaft", "MartletReplica", "MartletTestPrograms", "MartletWALCodec", logging, nioCore,
                nioEmbedded, nioPosix, protobuf,
            ],
            path: "Tests/EtcdServerTests"),
        .testTarget(
            name: "MartletEtcdClientTests",
            dependencies: [
                "MartletCommand", "MartletEtcdAPI", "MartletEtcdClient", "MartletGRPCWire", "MartletHTTP2Session",
                "MartletTestPrograms", logging, nioCore, nioPosix, protobuf,
            ],
            path: "Tests/EtcdClientTests"),
        .testTarget(
            name: "MartletEtcdConfigurationTests",
            dependencies: [
                "MartletCommand", "MartletEtcdClient", "MartletEtcdConfiguration", "MartletTestPrograms",
                config, configurationTesting, lifecycle, logging,
            ],
            path: "Tests/EtcdConfigurationTests"),
        .testTarget(
            name: "MartletTests",
            dependencies: [
                "Martlet", "MartletDNSCodec", "MartletGRPCWire", "MartletGreeterFixture", "MartletHTTP2Session",
                "MartletReflection", "MartletTestPrograms", grpcCore, lifecycle, logging, nioCore, nioPosix, protobuf,
                tracing,
            ],
            path: "Tests/MartletTests"),
        .testTarget(
            name: "MartletFleetTests",
            dependencies: [
                "Martlet", "MartletAllocationCount", "MartletCommand", "MartletEtcd", "MartletFleetBench",
                "MartletProcesses", "MartletTestPrograms", "MartletTesting", logging, nioCore, nioPosix,
            ],
            path: "Tests/FleetTests"),
        .testTarget(
            name: "MartletTestingTests", dependencies: ["Martlet", "MartletTesting"],
            path: "Tests/MartletTestingTests"),
        .testTarget(
            name: "MartletConfigurationTests",
            dependencies: ["Martlet", "MartletConfiguration", config, logging],
            path: "Tests/ConfigurationTests"),
        .testTarget(
            name: "MartletObservabilityTests",
            dependencies: ["Martlet", "MartletObservability", coreMetrics, inMemoryTracing, metricsKit, tracing],
            path: "Tests/ObservabilityTests"),
        .testTarget(
            name: "MartletEtcdTests",
            dependencies: [
                "Martlet", "MartletEtcd", "MartletEtcdClient", "MartletGreeterFixture", "MartletProcesses",
                "MartletTestPrograms", lifecycle, logging, protobuf,
            ],
            path: "Tests/MartletEtcdTests"),
        .testTarget(
            name: "MartletCommandTests",
            dependencies: [
                "Martlet", "MartletAuthTokens", "MartletBasics", "MartletCommand", "MartletEtcd", "MartletEtcdClient",
                "MartletEtcdPeers", "MartletEtcdServer", "MartletEtcdSnapshot", "MartletGRPCWire",
                "MartletGreeterFixture", "MartletJSON", "MartletKeyValue", "MartletNode", "MartletProcesses",
                "MartletRedisClient", "MartletRedisPeers", "MartletRedisServer", "MartletReflection",
                "MartletSnapshotStream", "MartletTestPrograms", "MartletWireServices", logging, nioCore, nioPosix,
                protobuf,
            ],
            path: "Tests/MartletCommandTests"),
        .testTarget(
            name: "MartletEmbeddedTests",
            dependencies: [
                "Martlet", "MartletConfiguration", "MartletEmbedded", "MartletEtcd", "MartletEtcdClient",
                "MartletEtcdConfiguration", "MartletRedis", "MartletRedisClient", "MartletRedisPeers",
                "MartletTestPrograms", config, lifecycle, logging,
            ],
            path: "Tests/EmbeddedTests"),
        .testTarget(name: "MartletPeersTests", dependencies: ["MartletTestPrograms"], path: "Tests/PeersTests"),
        .testTarget(name: "MartletDNSCodecTests", dependencies: ["MartletDNSCodec"], path: "Tests/DNSCodecTests"),
        .testTarget(name: "MartletProcessesTests", dependencies: ["MartletProcesses"], path: "Tests/ProcessesTests"),
        .testTarget(
            name: "MartletCrashTests",
            dependencies: [
                "MartletBasics", "MartletDiskLoss", "MartletEmbedded", "MartletEtcdClient", "MartletProcesses",
                "MartletRESPClient", "MartletRESPCodec", "MartletStorage", "MartletTablesChild", "MartletTestPrograms",
                logging,
            ],
            path: "Tests/CrashTests"),
        .testTarget(
            name: "MartletClusterTests",
            dependencies: [
                "MartletEtcdClient", "MartletRESPClient", "MartletRESPCodec", "MartletTestPrograms", logging,
            ],
            path: "Tests/ClusterTests"),
        .executableTarget(
            name: "MartletTorture",
            dependencies: [
                "MartletBasics", "MartletDiskLoss", "MartletEtcdClient", "MartletProcesses", "MartletSimulation",
                "MartletEmbedded", "MartletRedisClient", "MartletTestPrograms", logging, nioCore, nioPosix,
            ],
            path: "Tests/Torture"),
        .testTarget(
            name: "MartletTortureTests",
            dependencies: [
                "MartletBasics", "MartletDiskLoss", "MartletTestPrograms", "MartletTorture", nioCore, nioPosix,
            ],
            path: "Tests/TortureTests"),
        .testTarget(name: "MartletRingsTests", path: "Tests/RingsTests"),
    ]
)

// The examples stay as every package is that uses Martlet.
for target in package.targets where target.packageAccess && target.type != .system { target.swiftSettings = settings }
