// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The package's own files.
enum Repository {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func text(_ path: String) throws -> String {
        String(decoding: try Data(contentsOf: root.appending(path: path)), as: UTF8.self)
    }

    /// Paths from the root of all files below a folder or of the file itself, sorted; build folders and hidden ones
    /// are left out.
    static func files(below start: String) throws -> [String] {
        var result: [String] = []
        var waiting = [start]
        while let path = waiting.popLast() {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: root.appending(path: path).path, isDirectory: &isFolder) else {
                continue
            }
            if isFolder.boolValue {
                let names = try FileManager.default.contentsOfDirectory(atPath: root.appending(path: path).path)
                waiting += names.filter { !$0.hasPrefix(".") && $0 != "__pycache__" }.map { "\(path)/\($0)" }
            } else {
                result.append(path)
            }
        }
        return result.sorted()
    }
}
