// SPDX-License-Identifier: Apache-2.0

/// What makes bytes no request, in the words that etcd's decoder has for it.
package enum RequestFault: Error, Hashable, Sendable, CustomStringConvertible {
    case truncated
    case varintTooLong
    case negativeLength
    /// A field of the message `name` ends a group that none began.
    case strayGroupEnd(name: String)
    case unexpectedGroupEnd
    case illegalTag(name: String, number: Int32, tag: UInt64)
    case illegalWireType(UInt8)
    case wrongWireType(UInt8, field: String)
    case tooDeep

    package var description: String {
        switch self {
        case .truncated: "unexpected EOF"
        case .varintTooLong: "proto: integer overflow"
        case .negativeLength: "proto: negative length found during unmarshaling"
        case .strayGroupEnd(let name): "proto: \(name): wiretype end group for non-group"
        case .unexpectedGroupEnd: "proto: unexpected end of group"
        case .illegalTag(let name, let number, let tag): "proto: \(name): illegal tag \(number) (wire type \(tag))"
        case .illegalWireType(let type): "proto: illegal wireType \(type)"
        case .wrongWireType(let type, let field): "proto: wrong wireType = \(type) for field \(field)"
        case .tooDeep: "proto: messages nested too deeply"
        }
    }
}
