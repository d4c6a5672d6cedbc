// SPDX-License-Identifier: Apache-2.0

import CMartletLMDB
import CMartletPosix
import Synchronization

extension Tables {
    /// Takes note of records with pages of their own that were looked at and will not be soon again: read into memory,
    /// or replaced, which LMDB looks at too.
    ///
    /// The system maps some pages around each that is looked at. Without this a stream that is read or changed
    /// everywhere would soon count as this process's memory as a whole. To be called inside of a read or a write.
    package func notePassed(_ count: Int) {
        let sum = passed.wrappingAdd(count, ordering: .relaxed)
        guard sum.oldValue / Self.passedLimit != sum.newValue / Self.passedLimit,
            let environment = try? environmentInUse()
        else { return }
        var file: Int32 = -1
        guard mdb_env_get_fd(environment.pointer, &file) == MDB_SUCCESS else { return }
        martlet_forget_mapped_pages(file)
    }

    /// With 64 KiB mapped for each: 32 MiB at most.
    private static let passedLimit = 512
}
