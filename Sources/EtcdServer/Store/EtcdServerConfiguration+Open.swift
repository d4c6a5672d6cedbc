// SPDX-License-Identifier: Apache-2.0

package import Logging
import MartletBasics
package import MartletNode
import MartletReplica
import MartletStorage
import MartletWALCodec
import NIOPosix

extension EtcdServerConfiguration {
    /// Opens a member's folder on a thread that may block, for a large one takes its time, or begins a new one.
    ///
    /// - Parameters:
    ///   - identity: of a new member. One that exists keeps its own.
    ///   - isAlone: whether the member is to go on as a cluster of its own, whoever belonged to it.
    ///   - ownsProcess: whether a damaged checkpoint that makes the process fault may end it with words: not where
    ///     others have work in the process.
    /// - Throws: `MemberFailure`.
    package func open(
        _ folder: DataFolder, as identity: MemberIdentity, isAlone: Bool = false, ownsProcess: Bool, logger: Logger
    ) async throws -> OpenedData {
        let start = ContinuousClock.now
        let data = try await NIOThreadPool.singleton.runIfActive {
            func open() throws(MemberFailure) -> OpenedData {
                try folder.open(
                    replica(memberID: identity.memberID),
                    new: WALMetadata(memberID: identity.memberID, clusterID: identity.clusterID),
                    at: Moment(monotonic: .zero, wallMilliseconds: Member.wallMilliseconds()), isAlone: isAlone)
            }
            return ownsProcess ? try folder.sayingOnFault(open) : try open()
        }
        if let repair = data.repair {
            logger.warning(
                "the log's last write was torn; cut off, it was never acknowledged",
                metadata: [
                    "segment": "\(repair.segment)", "offset": "\(repair.offset)", "bytes": "\(repair.lostBytes)",
                ])
        }
        logger.info(
            "opened data folder",
            metadata: [
                "data-dir": "\(folder.path)", "member-id": "\(String(data.metadata.memberID, radix: 16))",
                "cluster-id": "\(String(data.metadata.clusterID, radix: 16))", "took": "\(ContinuousClock.now - start)",
            ])
        return data
    }
}
