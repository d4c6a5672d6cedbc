// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import MartletNode

/// `martlet snapshot restore`
struct SnapshotRestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Make a server's data folder out of a snapshot.",
        discussion: """
            The snapshot may come from etcd 3.4, 3.5 or 3.6, or from this server. It begins a new cluster: all its
            members restore the same snapshot, each under its own --name, and start with the same --initial-cluster.

              martlet snapshot restore backup.db --data-dir new.etcd
              martlet server --data-dir new.etcd
            """)

    /// Those that are on or off, for Go's way to say so.
    static let switches: Set<String> = ["--skip-hash-check", "--mark-compacted"]

    @Argument(help: ArgumentHelp("The snapshot.", valueName: "file"))
    var file: String

    @Option(help: "The folder to make; NAME.etcd if none is given.")
    var dataDir = ""

    @Option(help: "Where the log goes, if not into the folder.")
    var walDir = ""

    @Option(help: "This member's name.")
    var name = "default"

    @Option(help: "The new cluster's members, each name=URL.")
    var initialCluster = "default=http://localhost:2380"

    @Option(help: "Tells clusters apart.")
    var initialClusterToken = "etcd-cluster"

    @Option(help: "This member's URLs for the others, as --initial-cluster has them.")
    var initialAdvertisePeerUrls = "http://localhost:2380"

    @Flag(help: "Take a file without a hash: a database copied out of a data folder.")
    var skipHashCheck = false

    @Option(
        help: "How much to raise the revision, so that none comes twice for clients of the time after the snapshot.")
    var bumpRevision: UInt64 = 0

    @Flag(help: "Count all revisions before the raised one as compacted; goes with --bump-revision, and only with it.")
    var markCompacted = false

    mutating func run() throws {
        guard (bumpRevision > 0) == markCompacted else {
            throw CommandFailure("--mark-compacted required if --bump-revision > 0")
        }
        let cluster = try InitialCluster(initialCluster, token: initialClusterToken)
        let own = try cluster.member(named: name, advertising: initialAdvertisePeerUrls)
        let path = dataDir.isEmpty ? name + ".etcd" : dataDir
        var restore = SnapshotRestore(
            memberID: own.id, clusterID: cluster.id, members: cluster.members, dataPath: path.withoutEndingSlashes)
        restore.logPath = walDir.isEmpty ? nil : walDir.withoutEndingSlashes
        restore.skipsHashCheck = skipHashCheck
        restore.revisionBump = bumpRevision
        let restored: RestoredSnapshot
        do {
            restored = try restore.run(from: file)
        } catch {
            throw CommandFailure("\(error)")
        }
        if restored.lostLeaseCount > 0 {
            StandardStream.error.writeLine(
                "warning: \(restored.lostLeaseCount) keys stay for good: the snapshot does not hold their leases")
        }
        StandardStream.output.writeLine(
            "restored \(file) into \(path): revision \(restored.revision), \(restored.keyCount) keys with "
                + "\(restored.changeCount) changes, \(restored.leaseCount) leases")
    }
}

extension String {
    /// As a path; the root stays.
    fileprivate var withoutEndingSlashes: String {
        var path = self
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        return path
    }
}
