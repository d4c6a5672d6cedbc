// SPDX-License-Identifier: Apache-2.0

package import MartletReplica

/// Where the outcome of a write goes.
package enum WriteReply {
    /// A client's call: the outcome is its response or its status.
    case call(any EtcdCall)
    case handler((Result<WriteResponse, ReplicaError>) -> Void)
    /// Nobody waits.
    case discarded
}
