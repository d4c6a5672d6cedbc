// SPDX-License-Identifier: Apache-2.0

package import SwiftProtobuf
package import SwiftProtobufPluginLibrary

/// A plugin of `protoc` that makes, for each service of a `.proto` file, a protocol for its handler, what registers a
/// handler with a `MicroService`, and a client.
///
///     protoc --swift_out=. --martlet_out=. greeter.proto
///
/// The messages themselves are SwiftProtobuf's: `protoc-gen-swift` makes them, with the same options.
@main
package struct ProtocGenMartlet: CodeGenerator {
    package init() {}

    package func generate(
        files: [FileDescriptor], parameter: any CodeGeneratorParameter, protoCompilerContext: any ProtoCompilerContext,
        generatorOutputs: any GeneratorOutputs
    ) throws {
        let options = try GeneratorOptions(parameter.parsedPairs)
        for file in files where !file.services.isEmpty {
            let source = try GeneratedFile(file, options: options).text()
            try generatorOutputs.add(fileName: options.fileName(for: file.name), contents: source)
        }
    }

    package var supportedFeatures: [Google_Protobuf_Compiler_CodeGeneratorResponse.Feature] {
        [.proto3Optional, .supportsEditions]
    }

    package var supportedEditionRange: ClosedRange<Google_Protobuf_Edition> { .proto2 ... .edition2024 }
    package var customOptionExtensions: [any AnyMessageExtension] { [] }
    package var version: String? { nil }
    package var projectURL: String? { nil }
    package var copyrightLine: String? { nil }
}
