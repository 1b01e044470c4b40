import ApusCore
import ApusDistributions
import ApusFormats
import TestSupport

/// What `Tests/ApusDistributionsTests/record_distributions.py` writes distributions and their values as.
extension Recorded {
    /// A nested list as a tensor.
    static func tensor(_ json: JSON, _ dtype: DType = .float64) -> Tensor {
        guard let list = json.array else { return Tensor.full([], json.double!, dtype: dtype) }
        return Tensor.stack(list.map { tensor($0, dtype) })
    }

    static func distribution(_ name: String, _ arguments: JSON) -> Distribution { distribution(name, parameters(arguments)) }

    static func parameters(_ arguments: JSON) -> [String: Tensor] {
        Dictionary(uniqueKeysWithValues: arguments.members!.map { ($0.key, tensor($0.value)) })
    }

    static func distribution(_ name: String, _ parameters: [String: Tensor]) -> Distribution {
        func given(_ name: String) -> Tensor? { parameters[name] }
        switch name {
        case "Normal": return Normal(given("loc")!, given("scale")!)
        case "Uniform": return Uniform(given("low")!, given("high")!)
        case "Bernoulli": return given("probs").map { Bernoulli(probs: $0) } ?? Bernoulli(logits: given("logits")!)
        case "Categorical": return given("probs").map { Categorical(probs: $0) } ?? Categorical(logits: given("logits")!)
        case "Poisson": return Poisson(given("rate")!)
        case "Gamma": return Gamma(given("concentration")!, given("rate")!)
        case "Beta": return Beta(given("concentration1")!, given("concentration0")!)
        case "Dirichlet": return Dirichlet(given("concentration")!)
        case "MultivariateNormal":
            return MultivariateNormal(
                given("loc")!, covarianceMatrix: given("covariance_matrix"), precisionMatrix: given("precision_matrix"),
                scaleTril: given("scale_tril"))
        default: fatalError("no distribution \(name)")
        }
    }
}
