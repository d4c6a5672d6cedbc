// SPDX-License-Identifier: Apache-2.0

extension HeaderBlock: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, String)...) {
        self.init()
        for (name, value) in elements { self.append(name, value) }
    }
}

extension HeaderBlock {
    /// The first value of `name` (in lower case), or `nil`. Linear in the number of fields.
    package func first(_ name: String) -> String? {
        var found: String?
        self.forEachField(named: name) {
            found = String(decoding: $0, as: UTF8.self)
            return false
        }
        return found
    }

    /// Every value of `name`, in order.
    package func values(_ name: String) -> [String] {
        var found: [String] = []
        self.forEachField(named: name) {
            found.append(String(decoding: $0, as: UTF8.self))
            return true
        }
        return found
    }

    /// All values of `name` joined by a comma and a space, as go-micro hands them to its handlers, or `nil`.
    package func joined(_ name: String) -> String? {
        let values = self.values(name)
        return values.isEmpty ? nil : values.joined(separator: ", ")
    }

    package func contains(_ name: String) -> Bool {
        var found = false
        self.forEachField(named: name) { _ in
            found = true
            return false
        }
        return found
    }

    /// Calls `body` with each field as text.
    package func forEach(_ body: (_ name: String, _ value: String) -> Void) {
        self.forEachField { name, value in
            body(String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self))
            return true
        }
    }

    private func forEachField(named name: String, _ body: (UnsafeRawBufferPointer) -> Bool) {
        var name = name
        name.withUTF8 { wanted in
            self.forEachField { name, value in
                name.elementsEqual(wanted) ? body(value) : true
            }
        }
    }
}

extension HeaderBlock {
    /// Appends a binary field: `name` must end in `-bin`; the value travels as base64 without padding.
    ///
    /// Source: gRPC over HTTP/2, Custom-Metadata.
    package mutating func append(_ name: String, binary value: [UInt8]) {
        self.append(name, Base64.encode(value))
    }

    /// The first value of the binary field `name`, decoded, or `nil` when it is absent or not base64.
    package func binary(_ name: String) -> [UInt8]? {
        self.first(name).flatMap(Base64.decode)
    }
}
