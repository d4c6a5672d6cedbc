// SPDX-License-Identifier: Apache-2.0

/// Modules that are no reason for a dependency of their own; only shells and programs may use them.
private let system: Set<String> = [
    "Swift", "_Concurrency", "Synchronization", "Dispatch", "Foundation", "FoundationEssentials", "Glibc", "Musl",
    "Darwin",
]

private let collections: Set<String> = [
    "Collections", "BasicContainers", "BitCollections", "DequeModule", "HashTreeCollections", "HeapModule",
    "OrderedCollections",
]

private let nio: Set<String> = [
    "NIO", "NIOCore", "NIOPosix", "NIOSSL", "NIOTLS", "NIOHTTP1", "NIOEmbedded", "NIOConcurrencyHelpers",
    "NIOFoundationCompat", "NIOAsyncRuntime",
]

private let observability: Set<String> = [
    "Logging", "Metrics", "CoreMetrics", "Tracing", "Instrumentation", "ServiceContextModule",
]

private let network = system.union(collections).union(nio).union(observability)

/// Every target of the package but tests and their fixtures: its ring, and all it may import.
///
/// A new target needs a row here; a new arrow needs its name in the row it starts from.
let ringTable: [String: RingEntry] = [
    // Leaves
    "MartletBasics": RingEntry(.leaf, folder: "Basics", modules: ["Swift"]),
    "CMartletPosix": RingEntry(.leaf, folder: "CPosix"),
    "CMartletNghttp2": RingEntry(.leaf, folder: "CNghttp2"),
    "CMartletZlib": RingEntry(.leaf, folder: "CZlib"),
    "CMartletLMDB": RingEntry(.leaf, folder: "CLMDB"),
    "CMartletCrypt": RingEntry(.leaf, folder: "CCrypt"),
    "MartletProcesses": RingEntry(.leaf, folder: "Processes", modules: system),
    "MartletEtcdAPI": RingEntry(.leaf, folder: "EtcdAPI", modules: system.union(["SwiftProtobuf"])),
    "MartletWireAPI": RingEntry(.leaf, folder: "WireAPI", modules: system.union(["SwiftProtobuf"])),
    "MartletJSON": RingEntry(.leaf, folder: "JSON", modules: ["Swift"]),

    // Pure cores
    "MartletKeyValue": RingEntry(
        .core, folder: "KeyValue", targets: ["CMartletPosix", "MartletBasics"],
        modules: ["Swift", "DequeModule", "HeapModule"]),

    "MartletAuth": RingEntry(
        .core, folder: "Auth", targets: ["MartletBasics", "MartletKeyValue"], modules: ["Swift"]),
    "MartletRaft": RingEntry(.core, folder: "Raft", targets: ["MartletBasics"], modules: ["Swift"]),
    "MartletWALCodec": RingEntry(
        .core, folder: "WALCodec", targets: ["CMartletPosix", "MartletBasics"], modules: ["Swift"]),
    "MartletStreams": RingEntry(.core, folder: "Streams", targets: ["MartletBasics"], modules: ["Swift"]),
    "MartletRESPCodec": RingEntry(.core, folder: "RESPCodec", targets: ["MartletBasics"], modules: ["Swift"]),
    "MartletKeyspace": RingEntry(
        .core, folder: "Keyspace",
        targets: ["MartletAuth", "MartletBasics", "MartletKeyValue", "MartletRESPCodec", "MartletStreams"],
        modules: ["Swift"]),
    "MartletReplica": RingEntry(
        .core, folder: "Replica",
        targets: [
            "MartletAuth", "MartletBasics", "MartletKeyValue", "MartletKeyspace", "MartletRESPCodec", "MartletRaft",
            "MartletStreams", "MartletWALCodec",
        ],
        modules: ["Swift"]),
    "MartletDNSCodec": RingEntry(.core, folder: "DNSCodec", modules: ["Swift"]),
    "MartletBoltFile": RingEntry(.core, folder: "BoltFile", modules: ["Swift"]),
    "MartletEtcdSnapshot": RingEntry(
        .core, folder: "EtcdSnapshot", targets: ["MartletBasics", "MartletBoltFile", "MartletJSON", "MartletKeyValue"],
        modules: ["Swift", "Crypto"]),

    // Shells
    "MartletStorage": RingEntry(
        .shell, folder: "Storage",
        targets: ["CMartletLMDB", "CMartletPosix", "MartletBasics", "MartletWALCodec"], modules: system),
    "MartletNode": RingEntry(
        .shell, folder: "Node",
        targets: [
            "CMartletPosix", "MartletAuth", "MartletBasics", "MartletBoltFile", "MartletEtcdSnapshot",
            "MartletKeyValue", "MartletKeyspace", "MartletRESPCodec", "MartletRaft", "MartletReplica",
            "MartletStorage", "MartletWALCodec",
        ],
        modules: network),
    "MartletRedisServer": RingEntry(
        .shell, folder: "RedisServer",
        targets: [
            "CMartletPosix", "MartletAuth", "MartletInProcess", "MartletKeyspace", "MartletNode", "MartletRESPCodec",
            "MartletStreams",
        ],
        modules: network),
    "MartletSimulatedDisk": RingEntry(
        .shell, folder: "SimulatedDisk", targets: ["MartletBasics", "MartletStorage"],
        modules: ["Swift", "Synchronization"]),
    // A shell by what it imports; it reads no clock and draws no number that is not from its seed.
    "MartletSimulation": RingEntry(
        .shell, folder: "Simulation",
        targets: [
            "MartletBasics", "MartletKeyValue", "MartletKeyspace", "MartletRESPCodec", "MartletRaft",
            "MartletReplica", "MartletSimulatedDisk", "MartletStorage", "MartletWALCodec",
        ],
        modules: ["Swift"]),
    "MartletAuthTokens": RingEntry(
        .shell, folder: "AuthTokens", targets: ["CMartletCrypt", "MartletAuth", "MartletBasics"],
        modules: system.union(["Crypto", "CryptoExtras", "SwiftASN1", "X509"])),
    "MartletHTTP2Session": RingEntry(
        .shell, folder: "HTTP2Session", targets: ["CMartletNghttp2", "CMartletPosix", "MartletBasics"],
        modules: network),
    "MartletInProcess": RingEntry(.shell, folder: "InProcess", modules: network),
    "MartletGRPCWire": RingEntry(
        .shell, folder: "GRPCWire",
        targets: [
            "MartletHTTP2Session", "MartletBasics", "MartletInProcess", "MartletWireAPI", "CMartletZlib",
            "CMartletPosix",
        ],
        modules: network.union(["SwiftProtobuf"])),
    "MartletPeerWire": RingEntry(
        .shell, folder: "PeerWire", targets: ["MartletBasics", "MartletGRPCWire", "MartletRaft"], modules: network),
    "MartletWireServices": RingEntry(
        .shell, folder: "WireServices", targets: ["MartletGRPCWire", "MartletHTTP2Session", "MartletWireAPI"],
        modules: network.union(["SwiftProtobuf"])),
    "MartletReflection": RingEntry(
        .shell, folder: "Reflection", targets: ["MartletBasics", "MartletGRPCWire", "MartletJSON", "MartletWireAPI"],
        modules: network.union(["SwiftProtobuf"])),
    "MartletEtcdServer": RingEntry(
        .shell, folder: "EtcdServer",
        targets: [
            "MartletGRPCWire", "MartletHTTP2Session", "MartletWireServices", "MartletKeyValue", "MartletBasics",
            "MartletAuth", "MartletAuthTokens", "MartletEtcdAPI", "MartletNode", "MartletPeerWire", "MartletRaft",
            "MartletReplica", "MartletStorage", "MartletWALCodec", "MartletWireAPI", "CMartletPosix", "MartletKeyspace",
            "MartletStreams",
        ],
        modules: network.union(["SwiftProtobuf", "Crypto", "ServiceLifecycle"])),
    "MartletEtcdClient": RingEntry(
        .shell, folder: "EtcdClient",
        targets: ["MartletGRPCWire", "MartletHTTP2Session", "MartletEtcdAPI", "MartletBasics"],
        modules: network.union(["SwiftProtobuf", "ServiceLifecycle"])),
    "MartletRedisClient": RingEntry(
        .shell, folder: "RedisClient", targets: ["MartletInProcess", "MartletRESPCodec"], modules: network),
    "MartletEtcdConfiguration": RingEntry(
        .shell, folder: "EtcdConfiguration", targets: ["MartletEtcdClient"],
        modules: system.union(["Configuration", "ServiceLifecycle"])),
    "Martlet": RingEntry(
        .shell, folder: "Martlet",
        targets: [
            "CMartletZlib", "MartletDNSCodec", "MartletGRPCWire", "MartletHTTP2Session", "MartletWireServices",
            "MartletWireAPI", "MartletBasics",
        ],
        modules: network.union(["SwiftProtobuf", "ServiceLifecycle", "UnixSignals"])),
    "MartletConfiguration": RingEntry(
        .shell, folder: "Configuration", targets: ["Martlet"], modules: system.union(["Configuration", "Logging"])),
    "MartletObservability": RingEntry(
        .shell, folder: "Observability", targets: ["Martlet"], modules: system.union(observability)),
    "MartletEtcd": RingEntry(
        .shell, folder: "Etcd", targets: ["Martlet", "MartletEtcdClient", "MartletBasics"],
        modules: network.union(["SwiftProtobuf", "ServiceLifecycle"])),
    "MartletRedis": RingEntry(
        .shell, folder: "Redis", targets: ["Martlet", "MartletRedisClient"], modules: network),
    "MartletEmbedded": RingEntry(
        .shell, folder: "Embedded",
        targets: [
            "Martlet", "MartletBasics", "MartletEtcd", "MartletEtcdAPI", "MartletEtcdClient", "MartletEtcdServer",
            "MartletGRPCWire", "MartletNode", "MartletRedis", "MartletRedisClient", "MartletRedisServer",
            "MartletEtcdConfiguration", "MartletStorage", "MartletWireServices",
        ],
        modules: network.union(["SwiftProtobuf", "ServiceLifecycle"])),
    "MartletTesting": RingEntry(.shell, folder: "Testing", targets: ["Martlet"], modules: system),
    "MartletGRPC": RingEntry(
        .shell, folder: "GRPCSwiftAdapter",
        targets: ["Martlet", "MartletGRPCWire", "MartletHTTP2Session", "MartletBasics"],
        modules: network.union(["GRPCCore", "ServiceLifecycle"])),

    // Programs
    // The executable `martlet`; its target is named otherwise, since `Martlet` differs by case alone.
    "MartletCommand": RingEntry(
        .program, folder: "MartletCommand",
        targets: [
            "Martlet", "MartletAuth", "MartletAuthTokens", "MartletEtcd", "MartletEtcdServer",
            "MartletEtcdSnapshot", "MartletEtcdClient",
            "MartletGRPCWire", "MartletHTTP2Session", "MartletJSON", "MartletNode", "MartletProcesses",
            "MartletPeerWire", "MartletRaft", "MartletRedisClient", "MartletRedisServer", "MartletReflection",
            "MartletReplica", "MartletStorage", "MartletWALCodec", "MartletWireAPI",
            "MartletWireServices", "MartletKeyValue", "MartletBasics", "CMartletPosix",
        ],
        modules: network.union([
            "ArgumentParser", "Crypto", "Histogram", "ServiceLifecycle", "SwiftASN1", "SwiftProtobuf", "UnixSignals",
            "X509",
        ])),
    "MartletProtocPlugin": RingEntry(
        .program, folder: "ProtocGenMartlet", modules: system.union(["SwiftProtobuf", "SwiftProtobufPluginLibrary"])),
    "MartletWireBench": RingEntry(
        .program, folder: "WireBench",
        targets: ["MartletGRPCWire", "MartletHTTP2Session", "MartletWireServices", "MartletBasics"], modules: network),
    // A load is its own client: it must take little of the machine, and none of what it measures.
    "MartletStoreBench": RingEntry(
        .program, folder: "StoreBench", targets: ["MartletBasics", "MartletKeyValue"], modules: system),
    "MartletFleetBench": RingEntry(
        .program, folder: "FleetBench",
        targets: ["Martlet", "MartletEtcd", "MartletEtcdClient", "MartletProcesses"],
        modules: network.union(["ArgumentParser", "Histogram", "ServiceLifecycle", "SwiftProtobuf", "UnixSignals"])),
    "MartletEmbeddedBench": RingEntry(
        .program, folder: "EmbeddedBench", targets: ["MartletEmbedded"], modules: system.union(["ArgumentParser"])),
    "MartletWireFuzz": RingEntry(
        .program, folder: "WireFuzz",
        targets: ["MartletGRPCWire", "MartletHTTP2Session", "MartletWireServices", "MartletBasics"], modules: network),
    "MartletSimulate": RingEntry(
        .program, folder: "Simulate", targets: ["MartletSimulation"], modules: system),
]

/// What a pure core may not say: each would make its answers depend on something beside its arguments.
let bannedInCores: [String] = [
    "Date(", "Date.", ".now", "ContinuousClock", "SuspendingClock", "clock_gettime",
    ".random(", ".randomElement(", ".shuffled()", ".shuffle()", "SystemRandomNumberGenerator", "UUID(", "arc4random",
    "Task {", "Task(", "Task.", "TaskGroup", "withTaskGroup", "async", "await", "actor",
    "Mutex", "Atomic", "NSLock", "DispatchQueue", "Thread",
    "print(", "debugPrint(", "readLine(", "FileManager", "FileHandle", "fopen(", "getenv", "ProcessInfo",
    "CommandLine", "Logger",
    // Hashes differ from process to process.
    "Hasher()", "hashValue",
]
