// SPDX-License-Identifier: Apache-2.0

import CMartletPosix

extension DataFolder {
    /// Runs `body`, which opens this folder. If the checkpoint's file makes the process fault meanwhile, the process
    /// ends with words instead: LMDB maps the file and trusts its pages.
    ///
    /// For a process that begins, and does nothing else yet.
    package func sayingOnFault<Result>(_ body: () throws -> Result) rethrows -> Result {
        let what = "the file is damaged, or shorter than it says"
        let message = "\(tablesFile) can't be used: \(what); \(MemberFailure.advice)\n"
        return try message.withCString { text in
            martlet_say_on_fault(text)
            defer { martlet_say_on_fault(nil) }
            return try body()
        }
    }
}
