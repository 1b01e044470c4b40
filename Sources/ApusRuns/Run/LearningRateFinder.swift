import ApusCore
import ApusData
import ApusFormats
import ApusNN
import ApusOptim
import ApusSystem
import ApusTraining
import Glibc

/// Learning rates that were tried before a run, with the loss that each led to, and the one that they suggest.
///
/// The rate grows from batch to batch by the same factor, until the loss is four times its lowest (Smith, 2017,
/// https://arxiv.org/abs/1506.01186). Suggested is the rate at which the smoothed loss falls fastest, by lines through eleven neighbours.
struct LearningRateCurve {
    var rates: [Double]
    /// Smoothed: a running average of the losses of batches, freed of its bias toward 0.
    var losses: [Double]
    /// The suggested rate; nil where the loss did not fall by more than it scatters.
    private(set) var suggestion: Double?

    private var steepest: Double? {
        // At the first rates nothing is learned: how their losses differ is chance.
        let (still, reach) = (10, 5)
        guard losses.count > still + 2 * reach else { return nil }
        let start = losses[..<still].reduce(0, +) / Double(still)
        let scatter = (losses[..<still].reduce(0) { $0 + ($1 - start) * ($1 - start) } / Double(still - 1)).squareRoot()
        // Up to the lowest loss; beyond it the slopes are those of the way up and of chance.
        let lowest = losses.indices.dropFirst(still).min { losses[$0] < losses[$1] }!
        guard start - losses[lowest] > 3 * scatter else { return nil }
        let middles = still..<max(lowest, still + 1)
        let middle = middles.min { slope(around: $0, reach) < slope(around: $1, reach) }!
        return slope(around: middle, reach) < 0 ? rates[middle] : nil
    }

    /// The slope of the line of least squares through the losses around place `i`; the rates' logarithms are evenly spaced.
    private func slope(around i: Int, _ reach: Int) -> Double {
        let places = max(0, i - reach)...min(losses.count - 1, i + reach)
        let (x, y) = (Double(places.lowerBound + places.upperBound) / 2, losses[places].reduce(0, +) / Double(places.count))
        let (products, squares) = places.reduce((0.0, 0.0)) { sums, place in
            (sums.0 + (Double(place) - x) * (losses[place] - y), sums.1 + (Double(place) - x) * (Double(place) - x))
        }
        return products / squares
    }

    var json: JSON {
        [
            "suggestion": suggestion.map { .double($0) } ?? .null, "rates": .array(rates.map { .double($0) }),
            "losses": .array(losses.map { .double($0) }),
        ]
    }

    init(rates: [Double], losses: [Double]) {
        (self.rates, self.losses) = (rates, losses)
        suggestion = steepest
    }

    /// The curve in the file at `path`.
    init(contentsOf path: String) throws { try self.init(json: JSON(contentsOf: path), file: path) }

    /// The curve of a file's contents; `path` names it in messages.
    init(json: JSON, file path: String) throws {
        func numbers(_ key: String) throws -> [Double] {
            guard let items = json[key]?.array, case let numbers = items.compactMap(\.double), numbers.count == items.count else {
                throw FormatError(file: path, place: .key(key), reason: "not a list of numbers")
            }
            return numbers
        }
        self.init(rates: try numbers("rates"), losses: try numbers("losses"))
        let found = json["suggestion"] ?? .null
        guard rates.count == losses.count, rates.allSatisfy({ $0 > 0 }), found == .null || found.double.map(rates.contains) == true else {
            throw FormatError(file: path, reason: "not as many losses as rates, and one of them as suggestion")
        }
        suggestion = found.double
    }
}

/// Tries learning rates on a model, and leaves it as it was.
struct LearningRateFinder {
    /// The number of rates, and the first and the last of them.
    static let (count, first, last) = (100, 1e-6, 10.0)

    let model: Module
    let recipe: Recipe
    let loss: (Tensor, Tensor) -> Tensor
    let device: Device

    /// The curve, from batches of `loader` in an order of its own; nil where `stop` was set meanwhile. Random numbers come from `seed`.
    func run(_ loader: DataLoader<ImageData.Batch>, seed: UInt64, stop: StopFlag) throws -> LearningRateCurve? {
        let kept = noGrad { StateDict(model.stateDict().map { ($0.key, $0.value.clone()) }) }
        let modes = ([model] + model.modules()).map { ($0, $0.training) }
        defer { for (module, training) in modes { module.training = training } }
        var (rates, losses): ([Double], [Double]) = ([], [])
        let isDone = try withGenerator(Generator(seed: seed)) {
            let optimizer = recipe.optimizer(model, lr: Self.first)
            model.train()
            recipe.keepStill(model)
            var (average, lowest) = (0.0, Double.infinity)
            var iterator = loader.makeIterator()
            for i in 0..<Self.count {
                if stop.isSet { return false }
                let rate = Self.first * pow(Self.last / Self.first, Double(i) / Double(Self.count - 1))
                var batch = try iterator.nextBatch()
                if batch == nil {
                    iterator = loader.makeIterator()
                    batch = try iterator.nextBatch()
                }
                guard let (images, targets) = batch else { return true }
                for group in optimizer.paramGroups { group.lr = rate }
                let value: Double = try checked {
                    optimizer.zeroGrad()
                    let loss = loss(model(images.to(device)), targets.to(device))
                    loss.backward()
                    optimizer.step()
                    return loss.item()
                }
                average = 0.9 * average + 0.1 * value
                let smoothed = average / (1 - pow(0.9, Double(i + 1)))
                guard smoothed.isFinite, smoothed < 4 * lowest else { return true }
                lowest = min(lowest, smoothed)
                rates.append(rate)
                losses.append(smoothed)
            }
            return true
        }
        try model.loadStateDict(kept)
        for parameter in model.parameters() { parameter.grad = nil }
        return isDone ? LearningRateCurve(rates: rates, losses: losses) : nil
    }
}
