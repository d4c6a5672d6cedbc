// SPDX-License-Identifier: Apache-2.0

import CMartletLMDB
import CMartletPosix
import Synchronization

extension Tables {
    /// Takes note of records that were looked at and will not be soon again: read into memory, or replaced, which LMDB
    /// looks at too.
    ///
    /// The system maps some pages around each that is looked at: for one record that may be a page of keys, one of
    /// content, and what lies around both. Without this a stream that is read or changed everywhere would soon count as
    /// this process's memory as a whole. To be called inside of a read or a write.
    package func notePassed(_ count: Int) {
        let sum = passed.wrappingAdd(count, ordering: .relaxed)
        guard sum.oldValue / Self.passedPerLook != sum.newValue / Self.passedPerLook else { return }
        // Beside the tables' there are the program's own pages, which stay: so many were left the last time.
        let rest = restingBytes.load(ordering: .relaxed)
        let resident = Int(martlet_resident_file_bytes())
        guard resident < 0 || resident - rest > Self.passedBytes, let environment = try? environmentInUse() else {
            return
        }
        var file: Int32 = -1
        guard mdb_env_get_fd(environment.pointer, &file) == MDB_SUCCESS else { return }
        martlet_forget_mapped_pages(file)
        restingBytes.store(max(Int(martlet_resident_file_bytes()), 0), ordering: .relaxed)
    }

    /// Records between two looks at what the pages take: each look costs some microseconds, and with 64 KiB mapped in
    /// two places for each record, a look comes before there are 8 MiB more.
    private static let passedPerLook = 64
    /// What pages may take: little beside what a process holds otherwise, and enough that letting go of them, for some
    /// hundred microseconds, is rare.
    private static let passedBytes = 16 << 20
}
