// SPDX-License-Identifier: Apache-2.0

/// One JSON value, checked and indexed in one pass: its parts in the order in which they begin, each knowing where it
/// ends, so that whoever reads it can step over what it doesn't want.
///
/// An object's entry is followed by its keys and values in turn, an array's by its elements. What is no JSON is refused
/// in the words of Go's scanner, which are known from etcd on the wire.
struct JSONTape {
    enum Kind: UInt8 {
        case null, bool, number, string, array, object

        /// As Go names it in messages.
        var name: String {
            switch self {
            case .null: "null"
            case .bool: "bool"
            case .number: "number"
            case .string: "string"
            case .array: "array"
            case .object: "object"
            }
        }
    }

    struct Entry {
        var kind: Kind
        /// Offsets in the text, quotation marks and brackets included.
        var start: Int32
        var end: Int32
        /// Index of the first entry that is no part of this one.
        var next: Int32
    }

    /// What may follow the value.
    enum Extent {
        /// Anything: another value, or what nobody reads.
        case first
        /// White space only.
        case whole
    }

    /// Values inside values. Go's limit.
    static let maximumDepth = 10_000

    private(set) var entries: [Entry] = []
    /// The offset behind the value.
    private(set) var end = 0

    /// The value at `offset`, or nil where there is none but white space; that is no value of a `whole` text.
    ///
    /// Complexity: O(bytes of the value).
    init?(_ text: [UInt8], from offset: Int = 0, extent: Extent) throws(GatewayFault) {
        var scanner = JSONScanner(text, from: offset, end: extent == .whole ? .endOfText : .endOfStream)
        scanner.skipSpace()
        if scanner.isAtEnd {
            if extent == .whole { throw .endOfText }
            return nil
        }
        try scan(&scanner)
        end = scanner.offset
        guard extent == .whole else { return }
        scanner.skipSpace()
        if !scanner.isAtEnd { throw .unexpected(scanner.byte, "after top-level value") }
    }

    private mutating func scan(_ scanner: inout JSONScanner) throws(GatewayFault) {
        /// The arrays and objects that are open, by their entries.
        var open: [Int] = []
        while true {
            // A value begins here.
            let kind = try scanner.kindOfValue()
            let index = entries.count
            let start = scanner.offset
            entries.append(Entry(kind: kind, start: Int32(start), end: 0, next: 0))
            var isComplete = true
            switch kind {
            case .null, .bool: try scanner.literal()
            case .number: try scanner.number()
            case .string: try scanner.string()
            case .array, .object:
                guard open.count < Self.maximumDepth else { throw .tooDeep }
                scanner.advance()
                isComplete = try scanner.take(kind == .array ? "]" : "}")
                if !isComplete {
                    open.append(index)
                    if kind == .object { try key(&scanner) }
                }
            }
            guard isComplete else { continue }
            close(index, &scanner)
            // What follows belongs to the innermost that is open.
            while let parent = open.last {
                let isObject = entries[parent].kind == .object
                if try scanner.take(",") {
                    if isObject { try key(&scanner) }
                    break
                }
                guard try scanner.take(isObject ? "}" : "]") else {
                    throw try scanner.unexpected(
                        isObject ? "after object key:value pair" : "after array element")
                }
                open.removeLast()
                close(parent, &scanner)
            }
            if open.isEmpty { return }
        }
    }

    private mutating func close(_ index: Int, _ scanner: inout JSONScanner) {
        entries[index].end = Int32(scanner.offset)
        entries[index].next = Int32(entries.count)
    }

    /// A key and its colon.
    private mutating func key(_ scanner: inout JSONScanner) throws(GatewayFault) {
        guard try scanner.current() == UInt8(ascii: "\"") else {
            throw try scanner.unexpected("looking for beginning of object key string")
        }
        let index = entries.count
        entries.append(Entry(kind: .string, start: Int32(scanner.offset), end: 0, next: 0))
        try scanner.string()
        close(index, &scanner)
        guard try scanner.take(":") else { throw try scanner.unexpected("after object key") }
    }
}

/// Reads the words of a JSON text.
private struct JSONScanner {
    private let text: [UInt8]
    private(set) var offset: Int
    /// What a text that ends too early is told.
    private let endFault: GatewayFault

    init(_ text: [UInt8], from offset: Int, end: GatewayFault) {
        self.text = text
        self.offset = offset
        endFault = end
    }

    var isAtEnd: Bool { offset == text.count }
    /// Not at the end.
    var byte: UInt8 { text[offset] }

    mutating func advance() { offset += 1 }

    mutating func skipSpace() {
        while offset < text.count {
            switch text[offset] {
            case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"): offset += 1
            default: return
            }
        }
    }

    /// The next byte that is no white space.
    mutating func current() throws(GatewayFault) -> UInt8 {
        skipSpace()
        return try here()
    }

    private func here() throws(GatewayFault) -> UInt8 {
        if offset == text.count { throw endFault }
        return text[offset]
    }

    /// Whether the next byte was `character`, and is behind us.
    mutating func take(_ character: Unicode.Scalar) throws(GatewayFault) -> Bool {
        guard try current() == UInt8(ascii: character) else { return false }
        offset += 1
        return true
    }

    func unexpected(_ place: String) throws(GatewayFault) -> GatewayFault {
        .unexpected(try here(), place)
    }

    mutating func kindOfValue() throws(GatewayFault) -> JSONTape.Kind {
        switch try current() {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "n"): return .null
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        default: throw try unexpected("looking for beginning of value")
        }
    }

    mutating func literal() throws(GatewayFault) {
        let word: StaticString =
            switch byte {
            case UInt8(ascii: "n"): "null"
            case UInt8(ascii: "t"): "true"
            default: "false"
            }
        for character in "\(word)".unicodeScalars {
            guard try here() == UInt8(ascii: character) else {
                throw try unexpected("in literal \(word) (expecting '\(character)')")
            }
            offset += 1
        }
    }

    mutating func number() throws(GatewayFault) {
        if byte == UInt8(ascii: "-") { offset += 1 }
        if try here() == UInt8(ascii: "0") {
            offset += 1
        } else {
            try digits("in numeric literal")
        }
        if !isAtEnd, byte == UInt8(ascii: ".") {
            offset += 1
            try digits("after decimal point in numeric literal")
        }
        if !isAtEnd, byte | 0x20 == UInt8(ascii: "e") {
            offset += 1
            let sign = try here()
            if sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { offset += 1 }
            try digits("in exponent of numeric literal")
        }
    }

    /// One digit at least.
    private mutating func digits(_ place: String) throws(GatewayFault) {
        guard isDigit(try here()) else { throw try unexpected(place) }
        while offset < text.count, isDigit(text[offset]) { offset += 1 }
    }

    private func isDigit(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }

    mutating func string() throws(GatewayFault) {
        offset += 1
        while true {
            switch try here() {
            case UInt8(ascii: "\""):
                offset += 1
                return
            case UInt8(ascii: "\\"):
                offset += 1
                try escape()
            case 0..<0x20:
                throw try unexpected("in string literal")
            default:
                offset += 1
            }
        }
    }

    private mutating func escape() throws(GatewayFault) {
        switch try here() {
        case UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"),
            UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "\""):
            offset += 1
        case UInt8(ascii: "u"):
            offset += 1
            for _ in 0..<4 {
                guard JSONText.hexDigit(try here()) != nil else {
                    throw try unexpected("in \\u hexadecimal character escape")
                }
                offset += 1
            }
        default:
            throw try unexpected("in string escape code")
        }
    }
}
