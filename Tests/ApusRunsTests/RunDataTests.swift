import ApusCore
import ApusData
import ApusFormats
import ApusSystem
import ApusVision
import Foundation
import Glibc
import TestSupport
import Testing
@testable import ApusRuns

/// Images of 4 × 4 pixels: which of them a run trains on, and which it is tested on.
@Suite struct RunDataTests {
    let folder = TemporaryFolder()

    private func run(_ arguments: String...) throws -> Command.Result { try Command.run(arguments, in: folder.path) }

    private func train(_ out: String, _ more: String..., data: String = "images") throws -> Command.Result {
        try Command.run(
            [
                "train", "--model", "net.json", "--data", data, "--epochs", "2", "--batch-size", "8", "--lr", "0.05", "--device", "cpu",
                "--out", out,
            ] + more, in: folder.path)
    }

    private func done(_ result: Command.Result) throws -> (accuracy: Double, loss: Double, images: Int) {
        #expect(result.status == 0, "\(result.errors)")
        let json = try JSON(parsing: String(try #require(result.lines.last)))
        return (try #require(json["test_accuracy"]?.double), try #require(json["test_loss"]?.double), json["images"]?.int ?? 0)
    }

    // MARK: The split

    /// A run's folder from a version that did not yet split images by their names.
    @Test func runsMadeBeforeKeepTheirSplit() throws {
        try folder.makeImages()
        for name in [
            "options.json", "checkpoint.safetensors", "checkpoint.previous.safetensors", "metrics.jsonl", "model.safetensors",
            "result.json",
        ] {
            folder.write(bytes(ofFile: inCheckout("Recorded/run-format-1/\(name)").path), "run/\(name)")
        }
        let recorded = try #require(try JSON(contentsOf: folder.file("run/result.json"))["test_loss"]?.double)
        for source in ["run", "run/model.safetensors"] {
            let found = try done(run("evaluate", source, "--json"))
            #expect(abs(found.loss - recorded) < 1e-5 && found.images == 6, "\(source): \(found)")
        }
        // Weights without their run do not contain the old split.
        folder.write(bytes(ofFile: folder.file("run/model.safetensors")), "elsewhere/model.safetensors")
        let alone = try run("evaluate", "elsewhere/model.safetensors", "--data", "images")
        #expect(alone.status == 1 && alone.errors.contains("do not say which of its images"), "\(alone.errors)")
        // Resumed from its previous checkpoint, it ends with the same weights.
        let before = try StateDict.load(from: folder.file("run/model.safetensors"))
        for name in ["checkpoint.safetensors", "model.safetensors", "result.json"] { unlink(folder.file("run/\(name)")) }
        let resumed = try run("train", "--resume", "run")
        #expect(resumed.status == 0, "\(resumed.errors)")
        for (key, tensor) in try StateDict.load(from: folder.file("run/model.safetensors")) {
            #expect(zip(tensor.array(Float.self), before[key]!.array(Float.self)).allSatisfy { abs($0 - $1) < 1e-4 }, "\(key)")
        }
        // With one more image the old split would change completely: that is reported.
        try folder.writeImage(0, 99, "images/cat/new.png")
        #expect(try run("evaluate", "run").errors.contains("has 61 images, when the model was trained it had 60"))
    }

    /// Each image stays in its part when others are added or removed; about a tenth is for testing.
    @Test(arguments: [0, 1, 7, .max] as [UInt64]) func eachPictureStaysWhereItIs(seed: UInt64) throws {
        try folder.makeImages(count: 40)
        func parts() throws -> (train: Set<String>, test: Set<String>, deal: Deal) {
            let all = try ImageFolder(folder.file("images"))
            let (train, test, deal) = try deals(all)
            func names(_ indices: [Int]) -> Set<String> { Set(indices.map { String(decoding: all.name($0), as: UTF8.self) }) }
            return (names(train), names(test), deal)
        }
        var kept: Deal?
        func deals(_ all: ImageFolder) throws -> (train: [Int], test: [Int], deal: Deal) {
            (kept ?? .byName(seed: seed, raised: nil)).out(all)
        }
        let first = try parts()
        let text = first.deal.json.text
        kept = try Deal(json: JSON(parsing: text))
        #expect(kept == first.deal)
        #expect(first.train.isDisjoint(with: first.test) && first.train.count + first.test.count == 120)
        #expect((3...30).contains(first.test.count))
        for name in ["cat", "dog", "owl"] { #expect(first.test.contains { $0.hasPrefix(name) }) }
        for i in 40..<60 { try folder.writeImage(i % 3, i, "images/\(["ape", "cat", "dog"][i % 3])/\(i).png") }
        let more = try parts()
        #expect(first.train.isSubset(of: more.train) && first.test.isSubset(of: more.test))
        for i in 0..<20 { unlink(folder.file("images/dog/\(i).png")) }
        let fewer = try parts()
        #expect(fewer.train.isSubset(of: more.train) && fewer.test.isSubset(of: more.test))
    }

    /// About a tenth is for testing, for each seed and naming scheme, and the choices of different seeds are independent.
    @Test func aTenthIsForTesting() {
        func isChosen(_ seed: UInt64, _ name: String) -> Bool { Deal.hash(seed, Array(name.utf8)[...]) <= .max / 10 }
        for name in [{ "cat/\($0).png" }, { "dog/IMG_\(1000 + $0).png" }, { "\($0)/a.png" }] as [(Int) -> String] {
            for seed in 0..<5 as Range<UInt64> { #expect((400...600).contains((0..<5000).count { isChosen(seed, name($0)) }), "\(seed)") }
            #expect((20...90).contains((0..<5000).count { isChosen(0, name($0)) && isChosen(1, name($0)) }))
        }
    }

    /// A folder with few images has some for testing too, and different seeds choose different ones.
    @Test func fewPicturesAreDealtOutToo() throws {
        try folder.makeImages(count: 5)
        let all = try ImageFolder(folder.file("images"))
        var chosen: Set<[Int]> = []
        for seed in 0..<50 {
            let (train, test, _) = Deal.byName(seed: UInt64(seed), raised: nil).out(all)
            #expect(!test.isEmpty && train.count + test.count == 15)
            chosen.insert(test)
        }
        #expect(chosen.count > 10)
    }

    /// The run, its folder and its weights alone are tested on the same images, whatever the seed, also after images were added.
    @Test func weightsAreTestedOnWhatTheyHaveNotSeen() throws {
        try folder.makeImages()
        try folder.makeModel()
        let trained = try done(train("run", "--seed", "3", "--json"))
        rename(folder.file("run/model.safetensors"), folder.file("weights.safetensors"))
        let alone = try done(run("evaluate", "weights.safetensors", "--json"))
        #expect(alone.accuracy == trained.accuracy && abs(alone.loss - trained.loss) < 1e-6)
        // Moved, and with new images that this seed does not choose: the test images are the same.
        rename(folder.file("images"), folder.file("moved"))
        var added = 0
        for i in 0..<40 where Deal.hash(3, Array("cat/more-\(i).png".utf8)[...]) > .max / 10 * 3 {
            try folder.writeImage(0, i, "moved/cat/more-\(i).png")
            added += 1
        }
        let grown = try run("evaluate", "weights.safetensors", "--data", "moved", "--json")
        #expect(try done(grown).loss == alone.loss && done(grown).images == alone.images)
        #expect(grown.errors.contains("moved has changed since the model was trained: cat 20 → \(20 + added)"), "\(grown.errors)")
        rename(folder.file("moved/owl/0.png"), folder.file("moved/owl/other.png"))
        for i in 0..<40 { unlink(folder.file("moved/cat/more-\(i).png")) }
        #expect(try run("evaluate", "weights.safetensors", "--data", "moved").errors.contains("but of other names"))
    }

    /// A model trained on a folder with train and test parts is tested on all images of another folder.
    @Test func whatLearnedElsewhereIsTestedOnAll() throws {
        try folder.makeImages("parts/train", count: 5)
        try folder.makeImages("parts/test", count: 2)
        try folder.makeImages("others", count: 7)
        try folder.makeModel()
        #expect(try train("run", data: "parts").status == 0)
        for source in ["run", "run/model.safetensors"] {
            let found = try run("evaluate", source, "--data", "others", "--json")
            #expect(try done(found).images == 21 && found.errors == "", "\(found.errors)")
            #expect(try done(run("evaluate", source, "--json")).images == 6)
        }
    }

    // MARK: Other data

    @Test func classesAreMatchedByName() throws {
        try folder.makeImages()
        try folder.makeModel()
        let whole = try done(train("run", "--json"))
        // The test images, class by class, in folders that also have other classes, first in order.
        let deal = try #require(
            try Safetensors(contentsOf: folder.file("run/model.safetensors")).metadata["apus.deal"].flatMap {
                try Deal(json: JSON(parsing: $0))
            })
        let all = try ImageFolder(folder.file("images"))
        var right = 0.0
        for (i, name) in all.classes.enumerated() {
            let tested = deal.out(all).test.filter { all.files[$0].label == i }
            for index in tested { folder.write(bytes(ofFile: all.files[index].path), "only-\(name)/test/\(name)/\(index).png") }
            let part = try run("evaluate", "run", "--data", "only-\(name)", "--json")
            let found = try done(part)
            #expect(found.images == tested.count && part.errors.contains("has no images of"), "\(part.errors)")
            right += found.accuracy * Double(tested.count)
        }
        #expect(abs(right / Double(deal.out(all).test.count) - whole.accuracy) < 1e-9)
        try folder.writeImage(0, 1, "zoo/test/wolf/1.png")
        try folder.writeImage(0, 1, "zoo/test/cat/1.png")
        let zoo = try run("evaluate", "run", "--data", "zoo")
        #expect(
            zoo.status == 1 && zoo.errors.contains("has the class 'wolf', which the model does not know; it knows cat, dog, owl"),
            "\(zoo.errors)")
        let other = try run("evaluate", "run", "--data", "fashion-mnist")
        #expect(other.status == 1 && other.errors.contains("has the class 'T-shirt/top'"), "\(other.errors)")
    }

    /// `evaluate` and `predict` agree on images of any size and number of channels.
    @Test func imagesOfOtherSizesAreResized() throws {
        try folder.makeImages()
        try folder.makeModel()
        #expect(try train("run").status == 0)
        var files: [(name: String, label: String)] = []
        for (label, name) in ["cat", "dog", "owl"].enumerated() {
            for (i, form) in [(4, 3), (9, 1), (2, 3)].enumerated() {
                files.append(("big/test/\(name)/\(i).png", name))
                try folder.writeImage(label, i, files.last!.name, side: form.0, channels: form.1)
            }
        }
        let predicted = try Command.run(["predict", "run", "--top", "1", "--json"] + files.map(\.name), in: folder.path)
        let answers = try predicted.lines.map { try JSON(parsing: String($0))["classes"]?.array?.first?["class"]?.string }
        let right = zip(answers, files).filter { $0 == $1.label }.count
        #expect(try abs(done(run("evaluate", "run", "--data", "big", "--json")).accuracy - Double(right) / 9) < 1e-9)
    }

    @Test func imagesOfDataSetsAreResizedToo() throws {
        let set = try FashionMNIST(.test)
        let images = try TestImages("fashion-mnist", input: [3, 14, 20], classes: set.classes.reversed(), metadata: [:], run: nil)
        let (x, y) = try images.data.batch(at: [0, 5])
        #expect(x.shape == [2, 3, 14, 20] && y.array(Int.self) == [0, 5].map { 9 - set.labels[$0].item(Int.self) })
        let picture = Picture(width: 28, height: 28, channels: 1, pixels: set.images[5].reshape([784]).array(UInt8.self)).resized(
            width: 20, height: 14)
        let values = x[1, 2].reshape([280]).array(Float.self)
        #expect(zip(values, picture.pixels).allSatisfy { $0 == Float($1) / 255 })
        #expect(images.data.counts.reduce(0, +) == 10_000 && images.notes.isEmpty)
    }

    // MARK: What is found

    @Test func whatIsTakenAndWhatIsLeftOutIsSaid() throws {
        try folder.makeImages(count: 12)
        try folder.makeModel()
        folder.write([1], "images/cat/a.gif")
        folder.write([1], "images/dog/deep/b.GIF")
        folder.write([1], "images/readme")
        try folder.writeImage(0, 1, "images/loose.png")
        let result = try train("run")
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("images to learn from, ") && result.output.contains("4 × 4, gray: cat "), "\(result.output)")
        #expect(
            result.output.contains(
                "left out of \(folder.path)/images: 2 .gif, 1 .png outside of the classes' folders, 1 unnamed kind; only PNG, JPEG or WebP pictures"
            ),
            "\(result.output)")
        #expect(result.output.contains("pictures of 4 × 4 pixels, all gray; 36 PNG"), "\(result.output)")
        let lines = try train("json", "--json").lines.map { try JSON(parsing: String($0)) }
        let data = try #require(lines.first { $0["event"] == "data" })
        #expect(data["left_out"]?.array?.first == ["kind": ".gif", "files": 2])
        #expect(data["classes"]?.array?.map { ($0["train"]?.int ?? 0) + ($0["test"]?.int ?? 0) } == [12, 12, 12])
    }

    /// A file of those that `record_pictures.py` has made.
    private func recorded(_ name: String) -> [UInt8] { bytes(ofFile: inCheckout("../ApusFormatsTests/Recorded/pictures/\(name)").path) }

    /// What cannot be read ends the run before it begins, or is left out with its reason: in the output, in the report, and when the run
    /// is gone on with or evaluated.
    @Test func badPicturesStopOrAreSkipped() throws {
        try folder.makeImages(count: 12)
        try folder.makeModel(inputs: 3 * 16)
        folder.write(recorded("jpeg-420.jpg"), "images/owl/large.png")
        folder.write(recorded("cut-jpeg.jpg"), "images/cat/cut.jpg")
        let late = try train("run")
        #expect(late.status == 1 && late.errors.contains("images/cat/cut.jpg, byte "), "\(late.errors)")
        folder.write(recorded("page-as.jpg"), "images/dog/page.jpg")
        let stopped = try train("stopped")
        #expect(
            stopped.status == 1 && stopped.errors.contains("images/dog/page.jpg, byte 0: no PNG, JPEG or WebP picture"), "\(stopped.errors)"
        )
        #expect(access(folder.file("stopped"), F_OK) != 0)

        let skipped = try train("skipped", "--on-bad-image", "skip")
        #expect(skipped.status == 0, "\(skipped.errors)")
        let facts = "pictures of 4 × 4 to 37 × 23 pixels, 36 gray and 1 in colour; 36 PNG, 1 JPEG"
        #expect(
            skipped.output.contains(facts) && skipped.output.contains("2 pictures that cannot be read are skipped:"), "\(skipped.output)")
        let report = String(decoding: bytes(ofFile: folder.file("skipped/report.html")), as: UTF8.self)
        for fault in ["images/cat/cut.jpg, byte ", "images/dog/page.jpg, byte 0: no PNG"] {
            #expect(skipped.output.contains(fault) && report.contains(fault))
        }
        let lines = try train("json", "--on-bad-image", "skip", "--json").lines.map { try JSON(parsing: String($0)) }
        let data = try #require(lines.first { $0["event"] == "data" })
        #expect(data["skipped"]?.array?.count == 2 && data["pictures"]?["largest"] == [37, 23] && data["input"] == [3, 4, 4])
        #expect(bytes(ofFile: folder.file("json/model.safetensors")) == bytes(ofFile: folder.file("skipped/model.safetensors")))

        let more = try run("train", "--resume", "skipped", "--epochs", "3")
        #expect(more.status == 0 && more.output.contains("2 pictures that cannot be read are skipped:"), "\(more.errors)")
        let evaluated = try run("evaluate", "skipped")
        #expect(evaluated.status == 0 && evaluated.errors.contains("images/cat/cut.jpg, byte "), "\(evaluated.errors)")
        #expect(try run("evaluate", "skipped", "--on-bad-image", "stop").status == 1)
        let files = ["images/cat/cut.jpg", "images/owl/large.png"]
        #expect(try Command.run(["predict", "skipped"] + files, in: folder.path).status == 1)
        let predicted = try Command.run(["predict", "skipped", "--on-bad-image", "skip"] + files, in: folder.path)
        #expect(predicted.status == 0 && predicted.lines.count == 1 && predicted.errors.contains("skipped: images/cat/cut.jpg, byte "))
    }

    /// A run that decodes fewer pixels is evaluated on them too.
    @Test func fewerPixelsAreDecodedWhereAskedFor() throws {
        for i in 0..<24 {
            folder.write(recorded("jpeg-\(["420", "progressive", "rgb"][i % 3]).jpg"), "images/\(["cat", "dog"][i % 2])/\(i).jpg")
        }
        try folder.writeImage(0, 1, "images/cat/-.png", side: 8)
        try folder.makeModel(classes: 2, inputs: 3 * 64)
        let fast = try done(train("fast", "--fast-decode", "--json"))
        #expect(try done(train("full", "--json")).loss != fast.loss)
        for source in ["fast", "fast/model.safetensors"] {
            #expect(try abs(done(run("evaluate", source, "--json")).loss - fast.loss) < 1e-6)
        }
        let model = try TrainedModel(folder.file("fast"))
        let path = folder.file("images/cat/0.jpg")
        let picture = try Picture(contentsOf: path, mode: .rgb, scaledToAtLeast: (8, 8)).resized(width: 8, height: 8)
        #expect(try model.image(path).array(Float.self) == picture.tensor().array(UInt8.self).map { Float($0) / 255 })
        let named = try Command.run(["train", "--fast-decode", "--out", "named"], in: folder.path)
        #expect(
            named.status == 64 && named.errors.contains("is for folders of pictures, and fashion-mnist is a data set"), "\(named.errors)")
    }

    /// A data set that has a name is the same every time: one short line says so.
    @Test func aDataSetIsOneLine() throws {
        let notes = try DataSource.load("fashion-mnist", .byName(seed: 0, raised: nil)).notes(of: "fashion-mnist")
        #expect(notes == ["60,000 images to learn from, 10,000 to test on, 28 × 28, gray, 10 classes"])
    }

    @Test func namesThatAreNotUTF8AreTaken() throws {
        try folder.makeImages(classes: ["cat", "dog"], count: 12)
        try folder.makeModel(classes: 3)
        // A class and an image with Latin-1 names, as in old archives.
        let raw = RawPath(folder.file("images")).appending([0x63, 0xE9])
        #expect(raw.withCString { mkdir($0, 0o777) } == 0)
        for i in 0..<12 {
            try folder.writeImage(2, i, "x.png")
            let file = raw.appending([0xE8, UInt8(0x61 + i)] + Array(".png".utf8))
            #expect(file.withCString { rename(folder.file("x.png"), $0) } == 0)
        }
        let result = try train("run")
        #expect(result.status == 0 && result.output.contains(", c\\xE9 "), "\(result.output)\(result.errors)")
        let listing = try ImageFolder(folder.file("images"))
        #expect(listing.classes == ["cat", "c\\xE9", "dog"])
        #expect(listing.count == 36 && listing.files.contains { $0.path.hasSuffix("images/c\\xE9/\\xE8a.png") })
        #expect(try listing.batch(at: Array(0..<36)).0.shape == [36, 3, 4, 4])
        #expect(try run("evaluate", "run").output.contains("c\\xE9"))
        // The shell passes such a name to the command, which finds the file.
        let predicted = try Command.run(["predict", "run"], in: folder.path, shell: "set -- \"$@\" images/*/*a.png;")
        #expect(predicted.status == 0, "\(predicted.errors)")
    }

    /// One colour image anywhere makes all images colour; older runs follow the first image.
    @Test(arguments: [0, 13, 35]) func onePictureInColourMakesAllSo(_ coloured: Int) throws {
        for i in 0..<36 {
            try folder.writeImage(i / 12, i, "images/\(["cat", "dog", "owl"][i / 12])/\(100 + i).png", channels: i == coloured ? 3 : 1)
        }
        let source = try ImageSource(folder.file("images"))
        #expect(try source.load(.byName(seed: 0, raised: nil)).train.input == [3, 4, 4])
        #expect(try source.load(.shuffled(seed: 0)).train.input == [coloured == 0 ? 3 : 1, 4, 4])
    }

    @Test func partsAreKnownByTheirNames() throws {
        for (i, name) in ["test", "val", "validation", "valid"].enumerated() {
            try folder.makeImages("\(i)/train", classes: ["cat", "dog"], count: 3)
            try folder.makeImages("\(i)/\(name)", classes: ["cat", "dog"], count: 1)
            let data = try DataSource.load(folder.file("\(i)"), .byName(seed: 0, raised: nil))
            #expect(data.train.count == 6 && data.test.count == 2 && data.deal == nil, "\(name)")
        }
        // A class may have any name.
        try folder.makeImages("classes", classes: ["train", "bus", "test", "valid"], count: 6)
        let data = try DataSource.load(folder.file("classes"), .byName(seed: 0, raised: nil))
        #expect(data.train.classes == ["bus", "test", "train", "valid"] && data.train.count + data.test.count == 24)
        // But one part without the other is an error.
        try folder.makeImages("slip/train", count: 3)
        try folder.makeImages("slips/test", count: 3)
        #expect(throws: RunError.self) { try DataSource.load(folder.file("slip"), .byName(seed: 0, raised: nil)) }
        #expect(throws: RunError.self) { try DataSource.load(folder.file("slips"), .byName(seed: 0, raised: nil)) }
    }

    @Test func oneClassAndOneStepAreSaid() throws {
        try folder.makeImages(classes: ["cat"], count: 12)
        try folder.makeModel(classes: 1)
        let result = try Command.run(
            ["train", "--model", "net.json", "--data", "images", "--epochs", "1", "--batch-size", "64", "--out", "run"], in: folder.path)
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("there is one class only, cat") && result.output.contains("takes a single step"), "\(result.output)")
    }
}
