// SPDX-License-Identifier: Apache-2.0

import CMartletZlib

/// gzip for single messages. Source: RFC 1952, by zlib.
package enum Gzip {
    /// Messages below this size are sent as they are even where compression was agreed: gzip would make them longer.
    static let minimumBytes = 256
    private static let chunkBytes = 32 << 10

    package static func compress(_ bytes: [UInt8]) -> [UInt8] {
        var stream = z_stream()
        precondition(martlet_zlib_gzip_deflate_init(&stream, Z_DEFAULT_COMPRESSION) == Z_OK, "out of memory")
        defer { deflateEnd(&stream) }
        var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(bytes.count))))
        let written = bytes.withUnsafeBufferPointer { input in
            output.withUnsafeMutableBufferPointer { target in
                // zlib takes a mutable pointer and only reads through it.
                stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                stream.avail_in = UInt32(input.count)
                stream.next_out = target.baseAddress
                stream.avail_out = UInt32(target.count)
                let code = deflate(&stream, Z_FINISH)
                precondition(code == Z_STREAM_END, "deflateBound was too small")
                return Int(stream.total_out)
            }
        }
        output.removeLast(output.count - written)
        return output
    }

    /// - Throws: status 8 when the result would exceed `maximumBytes`, 13 when `bytes` is no gzip.
    package static func decompress(_ bytes: [UInt8], maximumBytes: Int) throws(GRPCStatus) -> [UInt8] {
        var stream = z_stream()
        precondition(martlet_zlib_gzip_inflate_init(&stream) == Z_OK, "out of memory")
        defer { inflateEnd(&stream) }
        var output: [UInt8] = []
        let code = bytes.withUnsafeBufferPointer { input -> Int32 in
            stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            stream.avail_in = UInt32(input.count)
            return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: self.chunkBytes) { chunk in
                while true {
                    stream.next_out = chunk.baseAddress
                    stream.avail_out = UInt32(chunk.count)
                    let code = inflate(&stream, Z_NO_FLUSH)
                    output.append(contentsOf: chunk[..<(chunk.count - Int(stream.avail_out))])
                    if code != Z_OK || output.count > maximumBytes { return code }
                }
            }
        }
        guard output.count <= maximumBytes else {
            throw GRPCStatus(
                .resourceExhausted,
                "grpc: received message after decompression larger than max (\(output.count) vs. \(maximumBytes))")
        }
        guard code == Z_STREAM_END else {
            throw GRPCStatus(.internalError, "grpc: failed to decompress the received message")
        }
        return output
    }
}
