// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletStorage

/// Files and folders by number; the root has number 0.
struct SimulatedDiskState: Sendable {
    enum Node: Sendable {
        case file(SimulatedContent)
        case folder(SimulatedFolder)
    }

    var nodes: [Node] = [.folder(SimulatedFolder())]
    var random: SeededRandom
    /// Rises with every restart: what was opened before is dead.
    var boot = 0
    var locked: [Int] = []
    var operationCount = 0
    var crashAt: Int?
    var isDown = false
    /// Whether the operation under way is the one in which the power goes.
    var isCrashing = false
    var failures: [(SimulatedDisk.Operation, StorageError.Code)] = []
    var capacity: Int?
    var ignoresSyncs = false

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
    }

    static let powerLoss = StorageError(.inputOutput, "the power is gone")

    func requirePower() throws(StorageError) {
        if isDown { throw Self.powerLoss }
    }

    /// Counts an operation, and lets it fail if it is to. Those that can happen in part look at `isCrashing`.
    mutating func begin(_ operation: SimulatedDisk.Operation) throws(StorageError) {
        try requirePower()
        operationCount += 1
        if operationCount == crashAt {
            isDown = true
            isCrashing = true
            if operation != .write, operation != .sync { throw Self.powerLoss }
            return
        }
        if let place = failures.firstIndex(where: { $0.0 == operation && operation != .sync }) {
            throw StorageError(failures.remove(at: place).1, "the disk refuses to \(operation)")
        }
    }

    mutating func restart(losing loss: SimulatedDisk.Loss) {
        boot += 1
        locked = []
        isDown = false
        isCrashing = false
        crashAt = nil
        for node in nodes.indices {
            switch nodes[node] {
            case .file(var file):
                file.crash(loss, &random)
                nodes[node] = .file(file)
            case .folder(var folder):
                folder.crash(loss, &random)
                nodes[node] = .folder(folder)
            }
        }
    }

    // Names

    static func split(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return ("", path) }
        return (String(path[..<slash]), String(path[path.index(after: slash)...]))
    }

    func node(_ path: String) -> Int? {
        var node = 0
        for name in path.split(separator: "/") where name != "." {
            guard case .folder(let folder) = nodes[node], let next = folder.names[String(name)] else { return nil }
            node = next
        }
        return node
    }

    func existing(_ path: String) throws(StorageError) -> Int {
        guard let node = node(path) else { throw StorageError(.inputOutput, "\(path) does not exist") }
        return node
    }

    func folder(_ path: String) throws(StorageError) -> SimulatedFolder {
        guard case .folder(let folder) = nodes[try existing(path)] else {
            throw StorageError(.inputOutput, "\(path) is no folder")
        }
        return folder
    }

    mutating func add(_ node: Node) -> Int {
        nodes.append(node)
        return nodes.count - 1
    }

    mutating func changeFolder(
        _ node: Int, _ body: (inout SimulatedFolder) -> Void
    ) throws(StorageError) {
        guard case .folder(var folder) = nodes[node] else { throw StorageError(.inputOutput, "no folder") }
        body(&folder)
        nodes[node] = .folder(folder)
    }

    mutating func note(in folder: String, _ change: SimulatedFolder.Change) throws(StorageError) {
        try changeFolder(existing(folder)) { $0.note(change) }
    }

    mutating func enter(_ path: String, _ node: Int) throws(StorageError) {
        let place = Self.split(path)
        guard try folder(place.folder).names[place.name] == nil else {
            throw StorageError(.inputOutput, "\(path) exists")
        }
        try note(in: place.folder, .create(place.name, node))
    }

    // Files

    mutating func changeFile<Result>(
        _ node: Int, _ body: (inout SimulatedContent, inout SeededRandom) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        guard case .file(var file) = nodes[node] else { throw StorageError(.inputOutput, "no file") }
        // The node lets go of the content meanwhile, so that it is changed in place.
        nodes[node] = .file(SimulatedContent())
        defer { nodes[node] = .file(file) }
        return try body(&file, &random)
    }

    var usedBytes: Int {
        var sum = 0
        for case .file(let file) in nodes { sum += file.content.count }
        return sum
    }

    /// - Throws: `.noSpace` if the file would grow beyond the disk.
    mutating func requireSpace(_ node: Int, size: Int) throws(StorageError) {
        guard let capacity, case .file(let file) = nodes[node], size > file.content.count else { return }
        if usedBytes + size - file.content.count > capacity {
            throw StorageError(.noSpace, "no space is left on the disk", systemError: 28)
        }
    }

    mutating func resize(_ node: Int, to size: Int) throws(StorageError) {
        try requireSpace(node, size: size)
        try changeFile(node) { file, _ in file.resize(to: size) }
    }

    mutating func write(_ node: Int, _ bytes: [UInt8], at offset: Int) throws(StorageError) {
        try requireSpace(node, size: offset + bytes.count)
        let isCrashing = isCrashing
        try changeFile(node) { file, random in file.write(bytes, at: offset, partly: isCrashing ? random.next() : nil) }
        if isCrashing { throw Self.powerLoss }
    }

    mutating func sync(_ node: Int) throws(StorageError) {
        if isCrashing {
            try changeFile(node) { file, random in file.syncPartly(&random) }
            throw Self.powerLoss
        }
        if let place = failures.firstIndex(where: { $0.0 == .sync }) {
            let code = failures.remove(at: place).1
            try changeFile(node) { file, _ in file.drop() }
            throw StorageError(code, "the disk refuses to sync")
        }
        if ignoresSyncs { return }
        try changeFile(node) { file, _ in file.sync() }
    }
}
