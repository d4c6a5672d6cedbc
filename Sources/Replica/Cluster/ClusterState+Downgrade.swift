// SPDX-License-Identifier: Apache-2.0

/// Why a downgrade is refused.
public enum DowngradeError: Error, Hashable, Sendable, CaseIterable {
    case malformedVersion
    /// Only the version just before the cluster's will do.
    case invalidTarget
    case versionUnknown
    case underway
}

extension ClusterState {
    /// Whether the cluster could go to `version`, given as major.minor or major.minor.patch; the patch does not count.
    ///
    /// - Returns: the target as the cluster's version is written.
    /// Source: etcd version `DowngradeValidate`.
    public func checkDowngrade(to version: String) throws(DowngradeError) -> String {
        guard let target = Self.majorMinor(version) else { throw .malformedVersion }
        guard let current = Self.majorMinor(self.version) else { throw .versionUnknown }
        guard target.major == current.major, current.minor > 0, target.minor == current.minor - 1 else {
            throw .invalidTarget
        }
        if downgrade.isEnabled { throw .underway }
        return "\(target.major).\(target.minor).0"
    }

    /// `nil` for what is no version. What stands behind a hyphen or a plus sign is not looked at.
    static func majorMinor(_ version: String) -> (major: UInt32, minor: UInt32)? {
        let core = version.prefix { $0 != "-" && $0 != "+" }
        let parts = core.split(separator: ".", omittingEmptySubsequences: false)
        guard 2...3 ~= parts.count else { return nil }
        var numbers: [UInt32] = []
        for part in parts {
            guard part.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }), let number = UInt32(part)
            else {
                return nil
            }
            numbers.append(number)
        }
        return (numbers[0], numbers[1])
    }
}
