// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// How a command shows what it found.
struct OutputOption: ParsableArguments {
    enum Form: String, ExpressibleByArgument, CaseIterable {
        /// For people.
        case table
        /// For programs: one value a line.
        case json
    }

    @Option(
        name: [.customShort("o"), .customLong("output")],
        help: "table for people, or json for programs: one value a line.")
    var form = Form.table

    @Flag(name: .customLong("json"), help: "The same as -o json.")
    var wantsJSON = false

    var isJSON: Bool { form == .json || wantsJSON }
}
