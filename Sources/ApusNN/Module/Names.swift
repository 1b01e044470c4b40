// How a property's name becomes a key.

/// The source name of the property whose storage has this label: `lazy var x` is stored as `$__lazy_storage_$_x`, the unnamed elements of
/// a tuple as `.0`.
func propertyName(_ label: String) -> String {
    if isLazy(label) { return String(label.dropFirst(lazyPrefix.count)) }
    return label.first == "." ? String(label.dropFirst()) : label
}

/// Whether the stored property of this label is `lazy`.
func isLazy(_ label: String) -> Bool { label.hasPrefix(lazyPrefix) }

private let lazyPrefix = "$__lazy_storage_$_"

/// A property's name in PyTorch's spelling: `convA` → `conv_a`, `conv1` → `conv1`, `weightIhL0` → `weight_ih_l0`, `fcHTTPHead` →
/// `fc_http_head`, `inputIDs` → `input_ids`. A name that has an underscore or begins with a capital stays as it is: `W_q`, `QKV`.
package func snakeCase(_ name: String) -> String {
    if name.contains("_") || name.first?.isUppercase == true { return name }
    return split(Array(name)) { letters, i in
        // The "s" of a plural abbreviation (IDs) belongs to it unless a lower-case letter follows.
        letters[i + 1] == "s" && (i + 2 >= letters.count || !letters[i + 2].isLowercase)
    }
}

/// The spelling of keys in older files, in which all names were changed: `W_q` → `w_q`, `QKV` → `qkv`, `inputIDs` → `input_i_ds`.
package func olderSnakeCase(_ name: String) -> String { split(Array(name)) { _, _ in false } }

/// Lower case, with an underscore where a word begins: at a capital after a lower-case letter, or a capital before a lower-case letter.
/// `goesOn` says whether a capital between a capital and a lower-case letter still belongs to the word before.
private func split(_ letters: [Character], _ goesOn: ([Character], Int) -> Bool) -> String {
    var result = ""
    for (i, letter) in letters.enumerated() {
        guard letter.isUppercase else {
            result.append(letter)
            continue
        }
        let isAfterCapital = i > 0 && letters[i - 1].isUppercase
        let isBeforeSmall = i + 1 < letters.count && letters[i + 1].isLowercase
        if i > 0 && letters[i - 1] != "_" && (!isAfterCapital || isBeforeSmall && !goesOn(letters, i)) { result.append("_") }
        result += letter.lowercased()
    }
    return result
}
