import ApusCore
import ApusData
import ApusFormats
import ApusVision
import Foundation
import TestSupport
import Testing

/// Data sets of pictures with a transform, and of files of any kind.
@Suite struct PictureDatasetTests {
    let folder = TemporaryFolder()

    private func makePictures() throws {
        for (label, name) in ["a", "b"].enumerated() {
            for i in 0..<3 {
                let pixels = (0..<30).map { UInt8(truncatingIfNeeded: label * 100 + i * 7 + $0) }
                folder.write(try Picture(width: 5, height: 2, channels: 3, pixels: pixels).encoded(), "\(name)/\(i).png")
            }
        }
    }

    @Test func aTransformMakesTheSample() throws {
        try makePictures()
        let plain = try ImageFolder(folder.path)
        let transform = Compose {
            RandomHorizontalFlip(p: 1)
            ToTensor()
            Normalize(mean: [0.5, 0.25, 0], std: [0.5, 0.25, 1])
        }
        let changed = try ImageFolder(folder.path, transform: transform)
        for i in 0..<plain.count {
            let ((image, label), (other, same)) = (try plain[i], try changed[i])
            #expect(label.item(Int.self) == same.item(Int.self))
            let mean = Tensor([0.5, 0.25, 0] as [Float], shape: [3, 1, 1]), std = Tensor([0.5, 0.25, 1] as [Float], shape: [3, 1, 1])
            #expect(other.array(Float.self) == ((image.flip(2) - mean) / std).array(Float.self))
            #expect(try plain.transformed(by: transform)[i].0.array(Float.self) == other.array(Float.self))
        }
        let (batch, labels) = try changed.batch(at: [5, 0])
        #expect(batch.shape == [2, 3, 2, 5] && labels.array(Int.self) == [1, 0])
    }

    @Test func filesOfAnyKindHaveAFolderOfTheirClass() throws {
        for (name, text) in [("x/1.txt", "one"), ("x/2.TXT", "three"), ("y/deep/3.txt", "seventeen"), ("y/4.md", "no")] {
            folder.write(Array(text.utf8), name)
        }
        let data = try DatasetFolder(folder.path, extensions: [".txt"]) { try Data(contentsOf: URL(fileURLWithPath: $0)).count }
        #expect(data.classes == ["x", "y"] && data.count == 3 && data.leftOut.count == 1 && data.leftOut[0].hasSuffix("y/4.md"))
        let (lengths, labels) = try data.batch(at: [0, 1, 2])
        #expect(lengths.array(Int.self) == [3, 5, 9] && labels.array(Int.self) == [0, 0, 1])
        #expect(try DatasetFolder(folder.path) { $0 }.count == 4)
        #expect(
            message { _ = try DatasetFolder(folder.path, extensions: [".md"]) { $0 } }.contains(
                "/x: the class's folder holds no file whose name ends in .md"))
        #expect(message { _ = try data.batch(at: [3]) }.contains("the data set has 3 samples"))
    }
}
