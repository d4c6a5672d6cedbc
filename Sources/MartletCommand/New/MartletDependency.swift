// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Where a new project takes Martlet from.
package enum MartletDependency: Equatable, Sendable {
    /// A folder with Martlet's sources.
    case path(String)
    /// A repository; a branch, or else a version.
    case repository(String, branch: String)

    /// The line of a manifest.
    package var line: String {
        switch self {
        case .path(let path): ".package(name: \"martlet\", path: \(Self.literal(path)), traits: [])"
        case .repository(let url, let branch):
            ".package(url: \(Self.literal(url)), branch: \(Self.literal(branch)), traits: [])"
        }
    }

    /// The identity by which products name the package.
    package var identity: String {
        switch self {
        case .path: "martlet"
        case .repository(let url, _):
            url.split(separator: "/").last.map { $0.hasSuffix(".git") ? String($0.dropLast(4)) : String($0) } ?? url
        }
    }

    /// The name of its folder, by which the package manager tells packages apart.
    package var folder: String {
        switch self {
        case .path(let path): path.split(separator: "/").last.map(String.init) ?? path
        case .repository: identity
        }
    }

    private static func literal(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }

    /// The sources that a program was built from, if it still lies in their build folder.
    package static func sources(ofProgram path: String) -> String? {
        var folder = URL(filePath: path).resolvingSymlinksInPath().deletingLastPathComponent()
        while folder.path != "/" {
            let manifest = folder.appending(path: "Package.swift").path
            if let text = try? String(contentsOfFile: manifest, encoding: .utf8), text.contains("name: \"martlet\"") {
                return folder.path
            }
            folder.deleteLastPathComponent()
        }
        return nil
    }
}
