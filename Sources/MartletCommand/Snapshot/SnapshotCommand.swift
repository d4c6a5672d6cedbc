// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// `martlet snapshot`
struct SnapshotCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot",
        abstract: "Save, examine and restore snapshots, of this server and of etcd.",
        discussion: """
            Snapshots are etcd's own: what one system saves the other restores.

              martlet snapshot save backup.db --endpoints 127.0.0.1:2379
              martlet snapshot status backup.db -w table
              martlet snapshot restore backup.db --data-dir new.etcd
            """,
        subcommands: [SnapshotSaveCommand.self, SnapshotStatusCommand.self, SnapshotRestoreCommand.self])

    static let switches = EtcdAccessOption.switches.union(SnapshotRestoreCommand.switches)
}

/// Go's form of flags, for scripts that were written for etcd's tools.
package enum GoFlags {
    static let truths: Set<String> = ["1", "t", "T", "true", "TRUE", "True"]
    private static let falsehoods: Set<String> = ["0", "f", "F", "false", "FALSE", "False"]

    /// Takes the values off flags that are on or off: `--flag=true` is the flag, `--flag=false` is none.
    ///
    /// - Parameter flags: their names, with the dashes.
    package static func normalized(_ words: [String], flags: Set<String>) -> [String] {
        words.compactMap { word in
            guard let sign = word.firstIndex(of: "="), flags.contains(String(word[..<sign])) else { return word }
            let value = String(word[word.index(after: sign)...])
            if truths.contains(value) { return String(word[..<sign]) }
            return falsehoods.contains(value) ? nil : word
        }
    }
}
