// SPDX-License-Identifier: Apache-2.0

/// How far a target stands from the middle. A target may only depend on its own ring or on one further in.
enum Ring: Int, Comparable {
    /// System libraries, generated messages and what everyone needs.
    case leaf
    /// Values and functions only: no I/O, clock, randomness, task, lock, logger or environment.
    case core
    /// What does I/O, holds tasks, clocks and loggers.
    case shell
    /// Executables.
    case program

    static func < (left: Ring, right: Ring) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// One row of the table of rings.
struct RingEntry {
    var ring: Ring
    /// The folder in Sources.
    var folder: String
    /// Targets of this package that it may depend on and import.
    var targets: Set<String>
    /// Modules from elsewhere that it may import.
    var modules: Set<String>

    init(_ ring: Ring, folder: String, targets: Set<String> = [], modules: Set<String> = []) {
        self.ring = ring
        self.folder = folder
        self.targets = targets
        self.modules = modules
    }
}
