import ApusCore
import Foundation
import TestSupport
import Testing
@testable import ApusData
@testable import ApusFormats
@testable import ApusVision

@Suite struct ImageDataTests {
    let folder = TemporaryFolder()

    /// Three pictures and labels in the files' names for `split`.
    func writeMNIST(_ prefix: String = "train", pictures: [UInt8]? = nil, labels: [UInt8]? = nil, folder name: String = "") {
        folder.write(
            pictures ?? idx([3, 28, 28], (0..<(3 * 784)).map { UInt8(truncatingIfNeeded: $0) }), "\(name)\(prefix)-images-idx3-ubyte")
        folder.write(labels ?? idx([3], [9, 0, 4]), "\(name)\(prefix)-labels-idx1-ubyte")
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/usr/share/datasets/fashion-mnist")))
    func theRealFashionMNIST() throws {
        let train = try FashionMNIST(.train, root: "/usr/share/datasets")
        let test = try FashionMNIST(.test, root: "/usr/share/datasets/fashion-mnist")
        #expect(train.count == 60_000 && test.count == 10_000)
        #expect(train.images.shape == [60_000, 1, 28, 28] && train.images.dtype == .uint8)
        // The first labels, and the number of samples of each class.
        #expect(train.labels.narrow(0, 0, 8).array(Int.self) == [9, 0, 0, 3, 0, 2, 7, 2])
        #expect(test.labels.narrow(0, 0, 4).array(Int.self) == [9, 2, 1, 1])
        let counts = test.labels.array(Int.self).reduce(into: [Int](repeating: 0, count: 10)) { $0[$1] += 1 }
        #expect(counts == [Int](repeating: 1000, count: 10))
        #expect(test.classes[test[0].1.item(Int.self)] == "Ankle boot")
        let (images, labels) = try test.batch(at: [0, 9_999])
        #expect(images.shape == [2, 1, 28, 28] && images.dtype == .float32 && labels.dtype == .int64 && labels.array(Int.self) == [9, 5])
    }

    @Test func samplesAreBytesOver255() throws {
        writeMNIST()
        let data = try MNIST(.train, root: folder.path)
        let (images, labels) = try data.batch(at: [2, 0])
        let wanted =
            (0..<784).map { Float(UInt8(truncatingIfNeeded: 2 * 784 + $0)) / 255 }
            + (0..<784).map { Float(UInt8(truncatingIfNeeded: $0)) / 255 }
        #expect(images.array(Float.self) == wanted && images.shape == [2, 1, 28, 28])
        #expect(labels.array(Int.self) == [4, 9])
        #expect(data[2].0.shape == [1, 28, 28] && data[2].0.array(Float.self) == Array(wanted[..<784]) && data[2].1.item(Int.self) == 4)
    }

    @Test func filesAreFoundAndMissingOnesNamed() throws {
        for (place, root) in [("a/", "a"), ("b/fashion-mnist/", "b"), ("c/FashionMNIST/raw/", "c")] {
            writeMNIST("t10k", folder: place)
            #expect(try FashionMNIST(.test, root: "\(folder.path)/\(root)").count == 3)
        }
        writeMNIST(folder: "d/kmnist/")
        #expect(try KMNIST(root: "\(folder.path)/d").classes[9] == "wo" && KMNIST(root: "\(folder.path)/d").count == 3)
        let message = message { _ = try FashionMNIST(.train, root: "\(folder.path)/b") }
        #expect(
            message
                == "Fashion-MNIST: there is no train-images-idx3-ubyte (or train-images-idx3-ubyte.gz) in \(folder.path)/b, \(folder.path)/b/fashion-mnist, \(folder.path)/b/FashionMNIST/raw; install it with `apt install dataset-fashion-mnist`, or name the folder with root: or APUS_DATA"
        )
    }

    @Test func theEnvironmentNamesAFolder() async {
        await #expect(processExitsWith: .success) {
            let tests = ImageDataTests()
            tests.writeMNIST(folder: "mnist/")
            setenv("APUS_DATA", tests.folder.path, 1)
            let count = try MNIST(.train).count
            precondition(count == 3)
            let error = message { _ = try CIFAR10(.test) }
            precondition(
                error.contains("\(tests.folder.path)/cifar-10-batches-bin, ") && error.contains("/usr/share/datasets/cifar-10-batches-bin"),
                error)
        }
    }

    @Test func lyingFilesAreNamed() {
        for (pictures, labels, reason) in [
            (
                idx([3, 28, 27], [UInt8](repeating: 0, count: 3 * 28 * 27)), nil,
                "train-images-idx3-ubyte, byte 0: uint8 of shape [3, 28, 27]"
            ),
            (idx([3, 28, 28], [1]), nil, "train-images-idx3-ubyte, byte 4: shape [3, 28, 28] needs 2352 bytes"),
            (idx([3], [1, 2, 3]), nil, "train-images-idx3-ubyte, byte 0: uint8 of shape [3]"),
            (nil, idx([2], [1, 2]), "train-labels-idx1-ubyte, byte 0: uint8 of shape [2], where 3 pictures need"),
            (nil, idx([3], [1, 10, 2]), "train-labels-idx1-ubyte, byte 9: label 1 is 10, there are 10 classes"),
            (nil, [], "train-labels-idx1-ubyte, byte 0: the file ends"),
            ([0x1F, 0x8B, 8, 0], nil, "the gzip file is cut off"),
        ] as [([UInt8]?, [UInt8]?, String)] {
            writeMNIST(pictures: pictures, labels: labels)
            let message = message { _ = try MNIST(root: folder.path) }
            #expect(message.hasPrefix(folder.path) && message.contains(reason), "\(message)")
        }
    }

    @Test func cifar10() throws {
        func record(_ label: UInt8, _ first: UInt8) -> [UInt8] {
            [label] + (0..<3072).map { UInt8(truncatingIfNeeded: Int(first) + $0 / 1024) }
        }
        for i in 1...5 { folder.write(record(UInt8(i), UInt8(10 * i)) + record(0, 0), "cifar-10-batches-bin/data_batch_\(i).bin") }
        let data = try CIFAR10(.train, root: folder.path)
        #expect(data.count == 10 && data.images.shape == [10, 3, 32, 32])
        #expect(data.labels.array(Int.self) == [1, 0, 2, 0, 3, 0, 4, 0, 5, 0])
        let image = data[4].0
        #expect(image.shape == [3, 32, 32] && image[1, 5, 7].item(Float.self) == 31 / 255)
        folder.write(record(1, 1) + record(10, 1), "cifar-10-batches-bin/data_batch_3.bin")
        #expect(message { _ = try CIFAR10(.train, root: folder.path) }.contains("data_batch_3.bin, byte 3073: label 1 is 10"))
        folder.write(record(1, 1).dropLast(), "cifar-10-batches-bin/data_batch_3.bin")
        #expect(
            message { _ = try CIFAR10(.train, root: folder.path) }.contains(
                "data_batch_3.bin, byte 3072: 3072 bytes are no whole number of records"))
        #expect(message { _ = try CIFAR10(.test, root: folder.path) }.contains("no test_batch.bin"))
    }

    @Test func cifar10AsItIsDownloaded() throws {
        func record(_ label: UInt8) -> [UInt8] { [label] + (0..<3072).map { UInt8(truncatingIfNeeded: Int(label) * 7 + $0) } }
        let files = (1...5).map { ("cifar-10-batches-bin/data_batch_\($0).bin", record(UInt8($0)) + record(0)) }
        // With a folder entry and a text file, and with the batches in another order.
        let archive = tar([("cifar-10-batches-bin/", nil), ("cifar-10-batches-bin/readme.html", Array("text".utf8))] + files.reversed())
        for (i, contents) in [archive, gzip(archive)].enumerated() {
            folder.write(contents, "\(i)/cifar-10-binary.tar\(i == 0 ? "" : ".gz")")
            let data = try CIFAR10(.train, root: "\(folder.path)/\(i)")
            #expect(data.labels.array(Int.self) == [1, 0, 2, 0, 3, 0, 4, 0, 5, 0])
            #expect(data.images[4].reshape([3072]).array(UInt8.self) == Array(record(3).dropFirst()))
            #expect(message { _ = try CIFAR10(.test, root: "\(folder.path)/\(i)") }.contains("there is no test_batch.bin in the archive"))
        }
        // Unpacked files take precedence; each may be gzipped on its own.
        folder.write(gzip(record(9)), "1/test_batch.bin.gz")
        #expect(try CIFAR10(.test, root: "\(folder.path)/1").labels.array(Int.self) == [9])

        var damaged = archive
        damaged[3] ^= 1
        folder.write(damaged, "2/cifar-10-binary.tar")
        #expect(message { _ = try CIFAR10(root: "\(folder.path)/2") }.contains("cifar-10-binary.tar, byte 0: no header of a tar archive"))
        folder.write(Array(archive.dropLast(1024)), "3/cifar-10-binary.tar")
        #expect(try CIFAR10(root: "\(folder.path)/3").count == 10)
        folder.write(Array(archive.dropLast(2000)), "4/cifar-10-binary.tar")
        #expect(message { _ = try CIFAR10(root: "\(folder.path)/4") }.contains("6146 bytes, more than the file can hold"))
        folder.write(tar([("a/data_batch_1.bin", record(10))]), "5/cifar-10-binary.tar")
        #expect(message { _ = try CIFAR10(root: "\(folder.path)/5") }.contains("a/data_batch_1.bin, byte 0: label 0 is 10"))
    }

    func png(_ width: Int, _ height: Int, _ value: UInt8, channels: Int = 3) throws -> [UInt8] {
        try Picture(width: width, height: height, channels: channels, pixels: [UInt8](repeating: value, count: width * height * channels))
            .encoded()
    }

    @Test func imageFoldersAreSortedByName() throws {
        folder.write(try png(2, 3, 51), "b/2.png")
        folder.write(try png(2, 3, 102, channels: 1), "b/10.PNG")
        folder.write(try png(2, 3, 153), "a/deep/er/x.png")
        folder.write([1], "a/.hidden.png")
        folder.write([1], "a/readme.txt")
        folder.write([1], "loose.png")
        // Cycles of links are not followed forever.
        symlink("..", "\(folder.path)/a/up")
        symlink(".", "\(folder.path)/a/deep/same")
        let data = try ImageFolder(folder.path)
        #expect(data.classes == ["a", "b"])
        #expect(data.files.map(\.label).suffix(2) == [1, 1])
        #expect(data.files.map(\.path).contains("\(folder.path)/a/deep/er/x.png"))
        let (x, y) = try data.batch(at: [data.count - 2, data.count - 1])
        #expect(x.shape == [2, 3, 3, 2] && y.array(Int.self) == [1, 1])
        #expect(x[0, 0, 0, 0].item(Float.self) == 0.4 && x[1, 2, 1, 1].item(Float.self) == 0.2)
        #expect(try ImageFolder(folder.path, gray: true)[0].0.shape == [1, 3, 2])
        #expect(try ImageFolder(folder.path, size: (height: 5, width: 4))[0].0.shape == [3, 5, 4])
    }

    @Test func badPicturesNameFileAndSample() throws {
        folder.write(try png(2, 2, 1), "a/1.png")
        let bad = folder.write(Array(try png(2, 2, 1).dropLast(20)), "a/2.png")
        folder.write(try png(3, 2, 1), "b/3.png")
        let data = try ImageFolder(folder.path)
        let loader = DataLoader(data, batchSize: 2)
        #expect(message { try loader.forEach { _, _ in } }.hasPrefix("sample 1: \(bad), byte "))
        do { try loader.forEach { _, _ in } } catch let error as DataError { #expect(error.index == 1 && error.file == bad) }
        #expect(message { _ = try data.batch(at: [0, 2]) }.hasPrefix("sample 2: a tensor of shape [3, 2, 3]"))
        unlink(bad)
        #expect(message { _ = try data.batch(at: [1]) } == "sample 1: cannot open \(bad): No such file or directory")
    }

    @Test func foldersWithoutPicturesAreRefused() throws {
        #expect(message { _ = try ImageFolder("/nowhere") } == "cannot read /nowhere: No such file or directory")
        #expect(message { _ = try ImageFolder(folder.path) }.contains("has no subfolders"))
        folder.write([1], "a/x.gif")
        #expect(
            message { _ = try ImageFolder(folder.path) }
                == "\(folder.path)/a: the class's folder holds no PNG, JPEG or WebP picture, but .gif")
        let bad = folder.write([1], "a/x.png")
        #expect(
            message { _ = try ImageFolder(folder.path) }
                == "\(bad), byte 0: no PNG, JPEG or WebP picture: the file is of no kind that Apus knows")
        let none = message { _ = try ImageFolder(folder.path, onBadImage: .skip) }
        #expect(none.contains("picture, but .gif, pictures that cannot be read (\(bad), byte 0"), "\(none)")
    }

    /// A file of those that `record_pictures.py` has made.
    func recorded(_ name: String) -> [UInt8] { bytes(ofFile: inCheckout("../ApusFormatsTests/Recorded/pictures/\(name)").path) }

    @Test func picturesAreKnownByTheirContents() throws {
        let taken = [
            "a.jpg": "jpeg-420.jpg", "b.png": "jpeg-gray.jpg", "c.txt": "webp-lossy.webp", "d": "png-rgba.png", "e.webp": "jpeg-exif-6.jpg",
        ]
        for (name, file) in taken { folder.write(recorded(file), "x/\(name)") }
        folder.write(recorded("gif-as.png"), "x/f.gif")
        folder.write(Array("jpeg".utf8), "x/g.txt")
        let data = try ImageFolder(folder.path, size: (10, 12))
        #expect(data.files.map { String($0.path.dropFirst(folder.path.count + 3)) } == taken.keys.sorted())
        #expect(data.leftOut.map(\.kind) == [".gif", ".txt"] && data.skipped.isEmpty)
        for (index, file) in data.files.enumerated() {
            let picture = try Picture(contentsOf: file.path, mode: .rgb).resized(width: 12, height: 10)
            #expect(try data[index].0.array(Float.self) == picture.tensor().array(UInt8.self).map { Float($0) / 255 }, "\(file.path)")
        }
        let scaled = try ImageFolder(folder.path, size: (10, 12), decoding: .scaled)
        for (index, file) in data.files.enumerated() {
            let picture = try Picture(contentsOf: file.path, mode: .rgb, scaledToAtLeast: (10, 12)).resized(width: 12, height: 10)
            #expect(try scaled[index].0.array(Float.self) == picture.tensor().array(UInt8.self).map { Float($0) / 255 }, "\(file.path)")
        }
        #expect(try scaled[0].0.array(Float.self) != data[0].0.array(Float.self))
    }

    /// Bad headers and bad pixels stop, or are left out and named where the folder is opened: the samples are the same for every loader.
    @Test func badPicturesStopOrAreSkipped() throws {
        for i in 0..<6 { folder.write(recorded("jpeg-420.jpg"), "x/good\(i).jpg") }
        folder.write(recorded("cut-jpeg.jpg"), "x/good0-cut.jpg")
        #expect(try ImageFolder(folder.path).count == 7)
        let faults = [
            "bomb-60000.jpg": "limit", "cut-jpeg.jpg": "ends in the middle", "page-as.jpg": "HTML page", "damaged-scan.jpg": "Corrupt",
        ]
        for name in faults.keys { folder.write(recorded(name), "x/\(name)") }
        #expect(message { _ = try ImageFolder(folder.path) }.contains("/x/bomb-60000.jpg, byte "))
        symlink("/nowhere", "\(folder.path)/x/link.jpg")
        let data = try ImageFolder(folder.path, onBadImage: .skip)
        #expect(data.count == 6 && data.skipped.count == 6 && data.leftOut.isEmpty)
        for (path, error) in data.skipped {
            let fault =
                faults[String(path.split(separator: "/").last!)] ?? (path.hasSuffix("link.jpg") ? "No such file" : "ends in the middle")
            #expect("\(error)".contains(path) && "\(error)".contains(fault), "\(error)")
        }
        for prefetch in [0, 3] {
            var count = 0
            try DataLoader(data, batchSize: 4, prefetch: prefetch).forEach { images, _ in count += images.size(0) }
            #expect(count == 6)
        }
    }
}
