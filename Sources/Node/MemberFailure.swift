// SPDX-License-Identifier: Apache-2.0

package import MartletKeyValue
package import MartletReplica
package import MartletStorage

/// Why a member can't start, or can't go on.
package enum MemberFailure: Error, Sendable {
    /// Making the folder, or the log in it.
    case log(StorageError)
    case tables(TablesError, file: String)
    /// The checkpoint contradicts itself.
    case checkpoint(CheckpointError)
    /// The log contradicts the checkpoint, or holds what this version can't apply.
    case replica(ReplicaFailure)
    /// The folder holds the data of an etcd member.
    case foreignFolder(String)
    /// The folder holds a checkpoint but no log.
    case logMissing(String)
    /// The log doesn't say whose it is.
    case noMetadata(String)
    /// Reading the tables failed in a way that none of the above names.
    case unexpected(String)
}

extension MemberFailure {
    /// Whether another holds the folder.
    package var isLocked: Bool {
        if case .log(let error) = self { error.code == .locked } else { false }
    }
}

extension MemberFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .log(let error):
            switch error.code {
            case .locked: "\(error.message): a member that runs already holds it"
            case .corrupt, .missingSegment: "\(error.message); \(Self.advice)"
            default: "\(error)"
            }
        case .tables(let error, let file):
            switch error {
            case .damagedValue, .damagedFile: "\(file) can't be used: \(error); \(Self.advice)"
            default: "\(file) can't be used: \(error)"
            }
        case .checkpoint(let error): "the checkpoint can't be read: \(error); \(Self.advice)"
        case .replica(.removed):
            "the member has been permanently removed from the cluster: another one, with a folder of its own, can be "
                + "added in its place"
        case .replica(let failure): "the log can't be applied: \(failure); \(Self.advice)"
        case .foreignFolder(let path):
            "\(path) holds the data of an etcd member: take a snapshot of it with 'etcdctl snapshot save', and make "
                + "a folder for this server with 'martlet snapshot restore'"
        case .logMissing(let path): "\(path) holds a checkpoint but no log: restore the member from a snapshot"
        case .noMetadata(let path): "the log in \(path) does not say which member's it is"
        case .unexpected(let text): text
        }
    }

    /// What to do about damage.
    package static let advice =
        "nothing was changed. 'martlet check DATA-DIR' tells more; 'martlet snapshot restore' makes the member anew"
}
