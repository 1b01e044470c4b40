import ApusCore
import ApusFormats
import ApusNN
import ApusSystem
import ApusVision

/// Pictures that a command names: files, and folders with all pictures below them.
package struct PictureFiles {
    /// The files, in the order in which they were named; those of a folder sorted by name.
    package let paths: [RawPath]
    /// The part of each path below the folder that was named; the file's name where it was named itself.
    package let names: [String]
    /// The class of each file and the classes' names, where all are below folders in subfolders of them.
    package let classes: (names: [String], labels: [Int])?

    /// Throws `FileError` for a folder that cannot be read, and a ``RunError`` for one without pictures. Files are not looked at.
    package init(_ arguments: [RawPath]) throws {
        var (paths, names): ([RawPath], [String]) = ([], [])
        // The first folder below the one that was named; nil for files that have none.
        var folders: [String?] = []
        for argument in arguments {
            guard argument.folderIdentity != nil else {
                paths.append(argument)
                names.append(RawPath.text(Array(argument.bytes.split(separator: UInt8(ascii: "/")).last ?? [])))
                folders.append(nil)
                continue
            }
            var root = argument
            while root.bytes.count > 1, root.bytes.last == UInt8(ascii: "/") { root = RawPath(bytes: root.bytes.dropLast()) }
            let found = try ImageFolder.pictures(below: root)
            if found.isEmpty { throw RunError("\(root.text) has no \(PictureHeader.Format.names) picture in it") }
            for path in found {
                let parts = path.bytes.dropFirst(root.bytes.count + 1).split(separator: UInt8(ascii: "/"))
                paths.append(path)
                names.append(parts.map { RawPath.text(Array($0)) }.joined(separator: "/"))
                folders.append(parts.count > 1 ? RawPath.text(Array(parts[0])) : nil)
            }
        }
        (self.paths, self.names) = (paths, names)
        let titles = Set(folders.map { $0.map { ByteKey($0) } })
        if titles.contains(nil) {
            classes = nil
        } else {
            let sorted = titles.compactMap { $0 }.sorted()
            let places = Dictionary(uniqueKeysWithValues: sorted.enumerated().map { ($0.element, $0.offset) })
            classes = (sorted.map(\.name), folders.map { places[ByteKey($0!)]! })
        }
    }
}

extension TrainedModel {
    /// Reads pictures in batches of up to 32 and gives each batch, with the indices of its files, to `body`; what cannot be read goes to `failed`.
    private func batches(
        of files: [RawPath], failed: (Int, any Error) throws -> Void, body: ([Int], Tensor) throws -> Void
    ) throws {
        var start = 0
        while start < files.count {
            var (indices, images): ([Int], [Tensor]) = ([], [])
            for i in start..<min(start + 32, files.count) {
                do {
                    images.append(try image(files[i]))
                    indices.append(i)
                } catch { try failed(i, error) }
            }
            start += 32
            if !images.isEmpty { try body(indices, try checked { Tensor.stack(images) }) }
        }
    }

    /// The predictions for each of `files`, in order, or why there are none.
    package func predict(_ files: [RawPath], body: (Int, Result<[Prediction], any Error>) throws -> Void) throws {
        var waiting: [(Int, Result<[Prediction], any Error>)] = []
        func flush() throws {
            for (i, result) in waiting.sorted(by: { $0.0 < $1.0 }) { try body(i, result) }
            waiting = []
        }
        try batches(of: files, failed: { waiting.append(($0, .failure($1))) }) { indices, images in
            waiting += zip(indices, try predict(batch: images)).map { ($0, .success($1)) }
            try flush()
        }
        try flush()
    }

    /// The layer that gives the scores; a ``RunError`` where the model has no linear layer.
    private func head() throws -> Module {
        guard let head = (model as? any ImageClassifier)?.head ?? model.modules().last(where: { $0 is Linear }) else {
            throw RunError("\(name) has no linear layer whose inputs could be its features")
        }
        return head
    }

    /// The features of each of `files`: what the layer that gives the scores gets, [number of those that can be read, D], with the indices of their
    /// files. `failed` is told the others, `progress` how many are done.
    package func features(
        of files: [RawPath], failed: (Int, any Error) throws -> Void, progress: (Int) -> Void
    ) throws -> (indices: [Int], features: Tensor) {
        var seen: Tensor?
        let hook = try head().registerForwardPreHook { _, inputs in
            seen = inputs[0]
            return nil
        }
        defer { hook.remove() }
        var (all, rows): ([Int], [Tensor]) = ([], [])
        try batches(of: files, failed: failed) { indices, images in
            try checked { inferenceMode { _ = model(images.to(device)) } }
            guard let features = seen else { throw RunError("\(name) does not call its last linear layer") }
            rows.append(try checked { features.flatten(1).to(.cpu).to(.float32) })
            all += indices
            seen = nil
            progress(indices.last! + 1)
        }
        guard !rows.isEmpty else { throw RunError("none of the \(files.count) pictures can be read") }
        return (all, try checked { Tensor.cat(rows, dim: 0) })
    }

    /// The convolution whose output says where the model looks: the last one. Throws a ``RunError`` where there is none.
    package func lastConvolution() throws -> Module {
        guard let layer = model.modules().last(where: { $0 is Conv2d }) else {
            throw RunError("\(name) has no convolution (Conv2d), so nothing can show where in a picture it looks")
        }
        return layer
    }

    /// What a person sees of an input of the model.
    package func preview(_ image: Tensor) throws -> Picture { try preparation.preview(image) }

    /// The picture in a file, as the model gets it, under the heat of where it sees the class that it predicts
    /// (`gradCAM(_:layer:input:class:)` of the last convolution); enlarged by a whole factor to at least 224 pixels on its longer side.
    package func explained(_ file: RawPath) throws -> Picture {
        let (layer, image) = (try lastConvolution(), try image(file))
        let heat = try checked { gradCAM(model, layer: layer, input: image.unsqueeze(0).to(device))[0] }
        let picture = try preview(image)
        let longer = max(picture.width, picture.height)
        let factor = max(1, (224 + longer - 1) / longer)
        return try picture.resized(width: picture.width * factor, height: picture.height * factor).overlaid(with: heat)
    }
}
