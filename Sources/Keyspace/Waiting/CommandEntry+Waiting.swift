// SPDX-License-Identifier: Apache-2.0

public import MartletRESPCodec

extension CommandEntry {
    /// Whether its client may be left waiting. What comes behind such a command in a pipeline isn't carried out with
    /// it; readers that don't block share a record, and a sync, with all else that came with them.
    ///
    /// A key or group that is called "block" is taken for the option: that costs no more than a record.
    public func mayWait(_ arguments: Arguments) -> Bool {
        guard flags.contains(.blocking) else { return false }
        guard name == "xreadgroup" || name == "xread" else { return true }
        for index in 1..<arguments.count where arguments.matches(index, "BLOCK") { return true }
        return false
    }
}
