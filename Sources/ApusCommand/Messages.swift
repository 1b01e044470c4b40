import ApusRuns

extension RunOptions.Key {
    /// The option as it is typed: `--batch-size`.
    var flag: String { "--" + rawValue.replacing("_", with: "-") }
}

extension RunMessage {
    /// The message for who types: options have dashes, remedies are commands.
    var typed: String {
        parts.map { part in
            switch part {
            case .text(let text): text
            case .option(let key): key.flag
            case .remedy(.anotherFolder): "choose another folder by --out"
            case .remedy(.resume(let path)): "go on with it by apus train --resume \(quoted(path))"
            case .remedy(.takeOut(let path)): "`apus convert \(quoted(path)) OUT.safetensors --at PLACE` takes them out"
            }
        }.joined()
    }
}

/// What `error` says, for who types.
func typed(_ error: any Error) -> String { (error as? RunError)?.message.typed ?? "\(error)" }

/// An argument quoted for a shell.
func quoted(_ argument: String) -> String {
    let plain = argument.unicodeScalars.allSatisfy {
        $0.isASCII && ($0.properties.isAlphabetic || ("0"..."9").contains($0) || "-_./=,+:@%".unicodeScalars.contains($0))
    }
    return plain && !argument.isEmpty ? argument : "'" + argument.replacing("'", with: "'\\''") + "'"
}
