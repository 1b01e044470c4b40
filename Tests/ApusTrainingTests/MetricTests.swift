import ApusCore
import ApusData
import ApusFormats
import ApusNN
import ApusOptim
import TestSupport
import Testing
@testable import ApusTraining

/// A user-defined metric, as in the documentation.
private struct WithinOne: Metric {
    var hits: Sum, count: Sum
    init(_ prediction: Tensor, _ target: Tensor) {
        hits = Sum((prediction - target).abs().le(1).sum())
        count = Sum(Double(target.numel))
    }
    mutating func merge(_ other: WithinOne) {
        hits += other.hits
        count += other.count
    }
    var value: Double { hits.value / count.value }
}

/// One that keeps a number of each sample, as in the documentation.
private struct MedianError: Metric {
    var errors: PerSample<Double>
    init(_ prediction: Tensor, _ target: Tensor) { errors = PerSample((prediction - target).abs()) }
    mutating func merge(_ other: MedianError) { errors += other.errors }
    var value: Double {
        let sorted = errors.values.sorted()
        return sorted.isEmpty ? .nan : sorted[sorted.count / 2]
    }
}

@Suite struct MetricTests {
    /// Every metric of the library and a user-defined one, each with its initialiser.
    private static let all: [(String, @Sendable (Tensor, Tensor) -> any Metric)] = [
        ("accuracy", { Accuracy($0, $1) }), ("top 2", { Accuracy($0, $1, topK: 2) }), ("ignoring", { Accuracy($0, $1, ignoreIndex: 1) }),
        ("confusion", { ConfusionMatrix($0, $1) }), ("f1", { F1Score($0, $1) }), ("iou", { MeanIoU($0, $1) }),
        ("calibration", { CalibrationError($0, $1) }), ("four bins", { CalibrationError($0, $1, bins: 4) }),
        ("mcc", { MatthewsCorrelation($0, $1.clamp(max: 2)) }),
        ("auroc", { AUROC($0.select(1, 1), $1.eq(1)) }), ("mae", { MeanAbsoluteError($0.select(1, 0), $1) }),
        ("mse", { MeanSquaredError($0.select(1, 0), $1.to(.float32)) }), ("rmse", { MeanSquaredError($0.select(1, 0), $1, root: true) }),
        ("perplexity", { Perplexity(F.crossEntropy($0, $1), tokens: $1.numel) }),
        ("mean", { Mean(F.crossEntropy($0, $1), count: $1.numel) }),
        ("binary accuracy", { Accuracy(binary: $0, F.oneHot($1, numClasses: 4)) }),
        ("binary f1", { F1Score(binary: $0.select(1, 0), $1.eq(0), threshold: 0.1) }),
        ("f1 of labels", { F1Score(multilabel: $0, F.oneHot($1, numClasses: 4)) }),
        ("binary iou", { MeanIoU(binary: $0.select(1, 0), $1.eq(0)) }),
        ("iou of labels", { MeanIoU(multilabel: $0, F.oneHot($1, numClasses: 4), threshold: -0.2) }),
        ("binary confusion", { ConfusionMatrix(binary: $0.select(1, 0), $1.eq(0)) }),
        ("binary mcc", { MatthewsCorrelation(binary: $0.select(1, 0), $1.eq(0)) }),
        ("one's own", { WithinOne($0.select(1, 0), $1) }), ("of all samples", { MedianError($0.select(1, 0), $1) }),
    ]

    private static func merged<M: Metric>(_ first: M, _ rest: ArraySlice<any Metric>) throws -> Double {
        var sum = first
        for metric in rest {
            sum.merge(metric as! M)
            // As text in between, and as in a checkpoint.
            sum = try JSON(parsing: JSON(encoding: sum).text).decoded()
            let tensors = StateTensors()
            sum = try JSON(parsing: JSON(encoding: sum, userInfo: tensors.userInfo).text).decoded(userInfo: tensors.userInfo)
        }
        return sum.value
    }

    /// A metric does not depend on the division into batches, nor on saving and loading in between.
    @Test(arguments: Device.tested) func batchesOfAnySize(_ device: Device) throws {
        let scores = Tensor.randn([23, 4], generator: Generator(seed: 1)).to(device)
        let labels = Tensor.randint(4, [23], generator: Generator(seed: 2)).to(device)
        for (name, make) in Self.all {
            let whole = make(scores, labels).value
            for sizes in [[23], [1, 22], [10, 3, 10], Array(repeating: 1, count: 23)] {
                // A batch may have one sample: an F1 score or an area is not defined for parts.
                var (parts, first): ([any Metric], Int) = ([], 0)
                for size in sizes {
                    parts.append(make(scores[first..<(first + size)], labels[first..<(first + size)]))
                    first += size
                }
                let value = try Self.merged(parts[0], parts.dropFirst())
                #expect(abs(value - whole) <= 1e-6 * abs(whole), "\(name) of \(sizes): \(value), of all at once \(whole)")
            }
            #expect(whole.isFinite && whole != 0, "\(name)")
        }
    }

    /// Against the definition, sample by sample in float64, where no confidence lies at the end of a bin, and where all do.
    @Test func calibration() {
        for seed in UInt64(1)...6 {
            let scores = 2 * Tensor.randn([60, 4], dtype: .float64, generator: Generator(seed: seed))
            let labels = Tensor.randint(4, [60], generator: Generator(seed: seed + 50))
            let (p, y) = (scores.softmax(dim: 1).array(Double.self), labels.array(Int.self))
            let metric = CalibrationError(scores, labels, bins: 7)
            var wanted = 0.0
            for (b, bin) in metric.bins.enumerated() {
                let members = (0..<60).filter { i in
                    let top = p[(4 * i)..<(4 * i + 4)].max()!
                    return top > Double(b) / 7 && top <= Double(b + 1) / 7
                }
                let confidence = members.reduce(0) { $0 + p[(4 * $1)..<(4 * $1 + 4)].max()! }
                let right = members.count { i in p[4 * i + y[i]] == p[(4 * i)..<(4 * i + 4)].max()! }
                #expect(bin.count == members.count && bin.low == Double(b) / 7 && bin.high == Double(b + 1) / 7)
                wanted += abs(Double(right) - confidence) / 60
                guard !members.isEmpty else { continue }
                #expect(abs(bin.confidence - confidence / Double(members.count)) < 1e-12)
                #expect(abs(bin.accuracy - Double(right) / Double(members.count)) < 1e-12)
            }
            #expect(abs(metric.value - wanted) < 1e-12)
        }
        // Certain and always wrong, certain and always right, half and half; labels that are no class do not count.
        let certain = Tensor([[0.0, 900], [900, 0], [0, 0]])
        #expect(CalibrationError(certain, Tensor([0, 1, -100])).value == 1)
        #expect(CalibrationError(certain, Tensor([1, 0, -100])).value == 0)
        #expect(CalibrationError(certain, Tensor([1, 0, -100])).bins.map(\.count) == Array(repeating: 0, count: 14) + [2])
        #expect(CalibrationError(certain, Tensor([-100, -100, 0]), bins: 2).bins.map(\.count) == [1, 0])
        #expect(CalibrationError(bins: 15).value.isNaN)
        #expect(message { CalibrationError(certain, Tensor([0, 1, 0]), bins: 0) }.contains("at least 1"))
    }

    /// Against the definitions, counted sample by sample in float64.
    @Test func definitions() {
        for seed in UInt64(1)...6 {
            let scores = Tensor.randn([40, 3], generator: Generator(seed: seed))
            let labels = Tensor.randint(3, [40], generator: Generator(seed: seed + 100))
            let (s, y) = (scores.array(Double.self), labels.array(Int.self))
            func row(_ i: Int) -> [Double] { Array(s[(3 * i)..<(3 * i + 3)]) }
            let p = (0..<40).map { i -> Int in row(i).indices.max { row(i)[$0] < row(i)[$1] }! }
            let right = (0..<40).count { p[$0] == y[$0] }
            #expect(Accuracy(scores, labels).value == Double(right) / 40)
            let top = (0..<40).count { i -> Bool in row(i).count { $0 > row(i)[y[i]] } < 2 }
            let (two, nine) = (Accuracy(scores, labels, topK: 2).value, Accuracy(scores, labels, topK: 9).value)
            #expect(two == Double(top) / 40 && nine == 1)
            let counted = (0..<40).filter { y[$0] != 2 }
            let hits = counted.count { p[$0] == y[$0] }
            #expect(Accuracy(scores, labels, ignoreIndex: 2).value == Double(hits) / Double(counted.count))
            let matrix = ConfusionMatrix(scores, labels)
            for a in 0..<3 {
                for b in 0..<3 {
                    let count = (0..<40).count { y[$0] == a && p[$0] == b }
                    #expect(matrix[a, b] == count)
                }
            }
            func count(_ list: [Int], _ c: Int) -> Int { list.count { $0 == c } }
            let f1 = (0..<3).map { c -> Double in 2 * Double(matrix[c, c]) / Double(count(y, c) + count(p, c)) }
            #expect(abs(F1Score(scores, labels).value - f1.reduce(0, +) / 3) < 1e-12)
            let iou = (0..<3).map { c -> Double in Double(matrix[c, c]) / Double((0..<40).count { y[$0] == c || p[$0] == c }) }
            #expect(abs(MeanIoU(scores, labels).value - iou.reduce(0, +) / 3) < 1e-12)
            // Pearson's correlation of the classes' one-hot vectors, summed over the classes.
            var (xy, xx, yy) = (0.0, 0.0, 0.0)
            for c in 0..<3 {
                let (meanY, meanP) = (Double(count(y, c)) / 40, Double(count(p, c)) / 40)
                for i in 0..<40 {
                    let (a, b) = ((y[i] == c ? 1 : 0) - meanY, (p[i] == c ? 1 : 0) - meanP)
                    (xy, xx, yy) = (xy + a * b, xx + a * a, yy + b * b)
                }
            }
            #expect(abs(MatthewsCorrelation(scores, labels).value - xy / (xx * yy).squareRoot()) < 1e-12)
            // Rounded scores have ties.
            let rounded = (scores.select(1, 0) * 2).round()
            let (r, positive) = (rounded.array(Double.self), y.map { $0 == 0 })
            var (above, pairs) = (0.0, 0.0)
            for i in 0..<40 where positive[i] {
                for j in 0..<40 where !positive[j] {
                    above += r[i] > r[j] ? 1 : r[i] == r[j] ? 0.5 : 0
                    pairs += 1
                }
            }
            #expect(abs(AUROC(rounded, labels.eq(0)).value - above / pairs) < 1e-12)
        }
        let (x, y) = (Tensor([1.0, 4, -2]), Tensor([2.0, 2, 2]))
        let (mae, mse, rmse) = (MeanAbsoluteError(x, y).value, MeanSquaredError(x, y).value, MeanSquaredError(x, y, root: true).value)
        #expect(abs(mae - 7.0 / 3) < 1e-6 && abs(mse - 7) < 1e-6 && abs(rmse - 7.0.squareRoot()) < 1e-6)
        #expect(abs(Perplexity(F.crossEntropy(Tensor.zeros([5, 7]), Tensor.zeros([5], dtype: .int64)), tokens: 5).value - 7) < 1e-5)
    }

    /// One score a label: counted by hand, for logits and for probabilities, of labels of any dtype, and of several labels a sample.
    @Test func oneScoreALabel() {
        let (right, f1, iou, mcc): (Double, Double, Double, Double) = (4 / 6, 4 / 6, 2 / 4, 3 / 9)
        let logits = Tensor([2.0, -1, 0, 3, -2, 1]) // 0 is not above the threshold: predicted are 1 0 0 1 0 1.
        for labels in [Tensor([1, 0, 1, 0, 0, 1]), Tensor([1.0, 0, 1, 0, 0, 1]), Tensor([1, 0, 1, 0, 0, 1]).eq(1)] {
            for (scores, threshold) in [(logits, 0.0), (logits.sigmoid(), 0.5), (logits - 7, -7)] {
                let matrix = ConfusionMatrix(binary: scores, labels, threshold: threshold)
                #expect(matrix.counts == [2, 1, 1, 2])
                #expect(Accuracy(binary: scores, labels, threshold: threshold).value == right)
                #expect(F1Score(binary: scores, labels, threshold: threshold).value == f1)
                #expect(MeanIoU(binary: scores, labels, threshold: threshold).value == iou)
                #expect(MatthewsCorrelation(binary: scores, labels, threshold: threshold).value == mcc)
            }
        }
        // Three labels, the last of which nobody has and nothing predicts; places [2, 3, 2] count each.
        let (scores, labels) = (Tensor([[1.0, -1, -1], [1, 1, -1], [-1, 1, -1]]), Tensor([[1, 0, 0], [0, 1, 0], [1, 1, 0]]))
        let (f1s, ious, rights): (Double, Double, Double) = ((2 / 4 + 1) / 2, (1 / 3 + 1) / 2, 7 / 9)
        #expect(F1Score(multilabel: scores, labels).value == f1s)
        #expect(MeanIoU(multilabel: scores, labels).value == ious)
        #expect(Accuracy(binary: scores, labels).value == rights)
        let (wide, wideLabels) = (scores.unsqueeze(2).expand(3, 3, 2), labels.unsqueeze(2).expand(3, 3, 2))
        #expect(F1Score(multilabel: wide, wideLabels).value == f1s)
        #expect(F1Score(binary: Tensor([-1.0]), Tensor([0])).value.isNaN && MeanIoU(multilabel: scores[0..<0], labels[0..<0]).value.isNaN)
        for text in [
            message { F1Score(binary: scores, labels[0]) }, message { MeanIoU(multilabel: scores, labels[0]) },
            message { Accuracy(binary: scores, labels[0]) }, message { ConfusionMatrix(binary: scores, labels[0]) },
        ] { #expect(text.contains("one score a label")) }
        #expect(message { F1Score(multilabel: logits, Tensor([1, 0, 1, 0, 0, 1])) }.contains("[N, L, …]"))
    }

    /// Labels of pixels; ignored labels do not count.
    @Test func pixels() {
        let scores = Tensor([[[1.0, 0], [0, 1]], [[3, 0], [0, 3]]]) // [2, 2, 2]: two samples, two classes, two places
        let labels = Tensor([[0, -100], [0, 0]])
        #expect(Accuracy(scores, labels, ignoreIndex: -100).value == 2.0 / 3)
        let matrix = ConfusionMatrix(scores, labels)
        let two = 2.0 / 3
        #expect(matrix.counts == [2, 1, 0, 0] && matrix.accuracy == two)
        #expect(MeanIoU(scores, labels).value == two / 2)
    }

    /// The value without samples is NaN, and so is the area if there is only one class.
    @Test func ofNothing() {
        #expect(ConfusionMatrix(classes: 3).accuracy.isNaN && ConfusionMatrix(classes: 3).recall(0).isNaN)
        #expect(Accuracy(Tensor.zeros([0, 3]), Tensor.zeros([0], dtype: .int64)).value.isNaN)
        #expect(AUROC(Tensor([0.1, 0.2]), Tensor([1, 1])).value.isNaN)
        #expect(Measurements(["accuracy"]).record.loss.isNaN && Measurements(["accuracy"])["accuracy"]!.isNaN)
    }

    /// Batches without samples or with ignored labels only change nothing.
    @Test func emptyBatchesChangeNothing() {
        let (scores, labels) = (Tensor.randn([6, 3]), Tensor([0, 1, 2, 0, 1, 2]))
        let (none, ignored) = (Tensor.zeros([0, 3]), Tensor([-100, -100]))
        var (perplexity, error, accuracy, matrix) = (
            Perplexity(F.crossEntropy(scores, labels), tokens: 6), MeanAbsoluteError(scores, scores + 1), Accuracy(scores, labels),
            ConfusionMatrix(scores, labels)
        )
        let before = (perplexity.value, error.value, accuracy.value, matrix.counts)
        perplexity.merge(Perplexity(F.crossEntropy(scores[0..<2], ignored), tokens: 0))
        error.merge(MeanAbsoluteError(none, none))
        accuracy.merge(Accuracy(scores[0..<2], ignored, ignoreIndex: -100))
        matrix.merge(ConfusionMatrix(scores[0..<2], ignored))
        #expect(perplexity.value == before.0 && error.value == before.1 && accuracy.value == before.2 && matrix.counts == before.3)
    }

    /// A parameter or buffer that is measured may change before the metric is read.
    @Test func whatIsMeasuredMayChange() {
        let parameter = Parameter(Tensor([2.0]))
        let (mean, area) = (Mean(parameter.sum(), count: 1), AUROC(parameter.detach(), Tensor([1])))
        var sum = Sum(parameter)
        noGrad { _ = parameter.fill_(5) }
        sum += Sum(parameter)
        #expect(mean.value == 2 && sum.value == 7)
        _ = area
    }

    @Test func wrongShapesAreNamed() {
        let labels = Tensor([0, 1])
        #expect(message { Accuracy(Tensor.zeros([2]), labels) }.contains("scores [N, C, …]"))
        #expect(message { ConfusionMatrix(Tensor.zeros([3, 2]), labels) }.contains("[3, 2]"))
        #expect(message { F1Score(Tensor.zeros([2, 2]), Tensor([0.5, 1])) }.contains("whole numbers"))
        #expect(message { MeanSquaredError(Tensor.zeros([2, 1]), Tensor.zeros([2])) }.contains("squeeze or reshape"))
        #expect(message { AUROC(Tensor.zeros([2, 1]), labels) }.contains("one score a label"))
        let text = message { () -> [Double] in
            var sum = Sum([1, 2])
            sum += Sum(Tensor([1.0, 2, 3]))
            return sum.values
        }
        #expect(text.contains("3 numbers are added to 2"))
    }

    /// What has many numbers is tensors in a checkpoint and little text; text of earlier versions is read.
    @Test func manyNumbersAreTensors() throws {
        let scores = Tensor.randn([300], generator: Generator(seed: 1))
        let labels = scores.add(Tensor.randn([300], generator: Generator(seed: 2))).gt(0)
        let area = AUROC(scores, labels)
        let matrix = ConfusionMatrix(Tensor.randn([50, 9], generator: Generator(seed: 3)), Tensor.randint(9, [50]))
        let tensors = StateTensors()
        tensors.owner = "area"
        let text = try JSON(encoding: area, userInfo: tensors.userInfo).text
        #expect(text == #"{"labels":{"tensor":"1.area.labels"},"scores":{"tensor":"0.area.scores"}}"#)
        #expect(tensors.all.map(\.value.dtype) == [.float64, .bool] && tensors.all.allSatisfy { $0.value.shape == [300] })
        let both = try JSON(encoding: matrix, userInfo: tensors.userInfo)
        #expect(try both.decoded(as: ConfusionMatrix.self, userInfo: tensors.userInfo).counts == matrix.counts && tensors.all.count == 3)
        let earlier = try JSON(parsing: #"{"scores":[0.5,0.25,1.5,2],"labels":[true,false,false,true]}"#)
        #expect(try earlier.decoded(as: AUROC.self).value == 0.75)
        // Tensors that are missing, of another kind or number are named.
        func problem(_ wrong: StateDict) throws -> String {
            let error = #expect(throws: (any Error).self) {
                try JSON(parsing: text).decoded(as: AUROC.self, userInfo: StateTensors(wrong).userInfo)
            }
            return JSON.problem(try #require(error))
        }
        var wrong = tensors.all
        wrong["0.area.scores"] = Tensor.zeros([299], dtype: .float64)
        #expect(try problem(wrong) == "labels: 300 labels for 299 scores")
        wrong["0.area.scores"] = Tensor.zeros([300])
        #expect(try problem(wrong) == "scores: tensor '0.area.scores' is float32 [300], where a row of float64 is wanted")
        wrong["0.area.scores"] = nil
        #expect(try problem(wrong) == "scores: there is no tensor '0.area.scores'")
    }

    /// An area over a million samples is saved within an epoch, as tensors, and goes on to the same value.
    @Test func aMillionSamples() throws {
        let count = 1_000_000
        let x = Tensor.randn([count, 1], generator: Generator(seed: 1))
        let y = (x + Tensor.randn([count, 1], generator: Generator(seed: 2))).gt(0).to(.float32)
        func run(_ folder: String?, stopAt batch: Int?) throws -> SupervisedTrainer {
            let model = withGenerator(Generator(seed: 3)) { Linear(1, 1) }
            let trainer = Trainer(model: model, optimizer: SGD(model.parameters(), lr: 0.1), generator: Generator(seed: 4)) {
                F.mseLoss($0, $1)
            }
            trainer.measure("area") { AUROC($0, $1) }
            trainer.checkpoints = folder.map { .init(folder: $0) }
            let train = DataLoader(TensorDataset(x, y), batchSize: count / 4)
            if let batch { trainer.observers = [TrainerLawTests.StopAt(batch, trainer.stop)] }
            if folder != nil { try trainer.resume(train: train) }
            try trainer.fit(train, epochs: 1)
            return trainer
        }
        let whole = try run(nil, stopAt: nil)
        try withFolder { folder in
            _ = try run(folder, stopAt: 3)
            let checkpoint = try #require(try Checkpoint.load(from: folder))
            #expect(checkpoint.metadata["trainer"]!.utf8.count < 10_000)
            #expect(checkpoint["metrics"]?.map(\.value.shape) == [[count / 4 * 3], [count / 4 * 3]])
            #expect(try run(folder, stopAt: nil).history[0].train == whole.history[0].train)
        }
    }

    /// Invalid values in a file are refused and named.
    @Test func liesAreNamed() throws {
        #expect(throws: (any Error).self) { try JSON(parsing: #"{"classes": 3, "sums": [1, 2]}"#).decoded(as: ConfusionMatrix.self) }
        #expect(throws: (any Error).self) { try JSON(parsing: #"{"scores": [3], "labels": []}"#).decoded(as: AUROC.self) }
        for text in [
            #"{"classes": 1, "sums": ["nan"]}"#, #"{"classes": 1, "sums": [0.5]}"#, #"{"classes": 1, "sums": [1e300]}"#,
            #"{"classes": -1, "sums": []}"#,
        ] {
            #expect(throws: (any Error).self) { try JSON(parsing: text).decoded(as: ConfusionMatrix.self) }
        }
        #expect(throws: (any Error).self) { try JSON(parsing: #"{"right": [1, 2], "count": [1]}"#).decoded(as: Accuracy.self) }
        for text in ["{}", #"{"labels": [1, 2]}"#] {
            #expect(throws: (any Error).self) { try JSON(parsing: text).decoded(as: F1Score.self) }
        }
        #expect(try JSON(parsing: #"{"matrix": {"classes": 1, "sums": [2]}}"#).decoded(as: F1Score.self).value == 1)
        #expect(throws: (any Error).self) { try JSON(parsing: #"{"sum": [], "count": 1}"#).decoded(as: Mean.self) }
        let error = #expect(throws: (any Error).self) { try JSON(parsing: #"{"right": [1], "count": ["x"]}"#).decoded(as: Accuracy.self) }
        #expect(JSON.problem(error!) == "count.0: a string, where a number is wanted")
    }
}
