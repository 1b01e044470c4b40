import ApusCheckpoints
import ApusCore
import ApusFormats
import ApusNN
import ApusOptim
import ApusSystem
import Foundation
import TestSupport
import Testing

/// Runs that PyTorch began go on here: the same losses over 50 further steps. Networks, optimizers and schedules are those of record_runs.py.
@Suite struct RunTests {
    let folder = TemporaryFolder()

    struct Case: CustomTestStringConvertible {
        let network, optimizer, schedule, dtype: String
        var name: String { "\(network)-\(optimizer)-\(schedule)-\(dtype)" }
        var testDescription: String { name }

        static let all: [Case] = {
            let path = inCheckout("Recorded").path
            return try! FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasSuffix(".pt") && $0 != "states.pt" }.sorted()
                .map {
                    let parts = $0.dropLast(3).split(separator: "-").map(String.init)
                    return Case(network: parts[0], optimizer: parts[1], schedule: parts[2], dtype: parts[3])
                }
        }()
    }

    /// A run with what belongs to it, new.
    final class Run {
        let model: Module
        let optimizer: Optimizer
        let schedule: any CheckpointPart
        private let network: String
        private var step: Int

        init(_ run: Case, step: Int) {
            (network, self.step) = (run.network, step)
            model =
                network == "mlp"
                ? Sequential(Linear(4, 8), Tanh(), Linear(8, 1))
                : Sequential(Conv2d(1, 3, 3), BatchNorm2d(3), Tanh(), Flatten(), Linear(48, 3))
            model.to(DType(run.dtype)!)
            let parameters = model.parameters()
            let optimizer: Optimizer =
                switch run.optimizer {
                case "sgd": SGD(parameters, lr: 0.05, momentum: 0.9, weightDecay: 1e-3, nesterov: true)
                case "adam": Adam(parameters, lr: 0.01, amsgrad: true)
                case "adamw": AdamW(parameters, lr: 0.01)
                case "rmsprop": RMSprop(parameters, lr: 0.003, momentum: 0.5, centered: true)
                default: Adagrad(parameters, lr: 0.05, lrDecay: 1e-3)
                }
            self.optimizer = optimizer
            schedule =
                switch run.schedule {
                case "step": StepLR(optimizer, 3, gamma: 0.5)
                case "cosine": CosineAnnealingLR(optimizer, 12)
                case "onecycle":
                    OneCycleLR(optimizer, optimizer.paramGroups[0].lr * 2, totalSteps: 100, cycleMomentum: run.optimizer != "adagrad")
                default: ReduceLROnPlateau(optimizer, factor: 0.5, patience: 1, threshold: 1e-2)
                }
        }

        var parts: KeyValuePairs<String, any CheckpointPart> {
            ["model_state_dict": model, "optimizer_state_dict": optimizer, "scheduler_state_dict": schedule]
        }

        func losses(_ x: Tensor, _ y: Tensor, steps: Int) -> [Double] {
            (0..<steps).map { _ in
                let rows = step % 4 * 4..<step % 4 * 4 + 4
                optimizer.zeroGrad()
                let out = model(x[rows])
                let loss = network == "mlp" ? F.mseLoss(out, y[rows]) : F.crossEntropy(out, y[rows])
                loss.backward()
                optimizer.step()
                let value: Double = loss.item()
                switch schedule {
                case let cycle as OneCycleLR: cycle.step()
                case let schedule as LRScheduler where step % 5 == 4: schedule.step()
                case let plateau as ReduceLROnPlateau where step % 5 == 4: plateau.step(value)
                default: break
                }
                step += 1
                return value
            }
        }
    }

    private func compare(_ found: [Double], _ wanted: [Double], _ dtype: String) {
        let error = zip(found, wanted).map { abs($0 - $1) / max(abs($1), 1e-12) }.max()!
        #expect(found.count == wanted.count && error <= (dtype == "float64" ? 1e-10 : 1e-4), "\(error)")
    }

    @Test(arguments: Case.all) func goesOnFromPyTorch(_ run: Case) throws {
        let path = inCheckout("Recorded/\(run.name).pt").path
        let resumed = Run(run, step: 30)
        let saved = try Checkpoint.load(path, into: resumed.parts)
        #expect(saved["step"]?.int == 30)
        let (x, y) = (try saved["x"]!.tensor(), try saved["y"]!.tensor())
        compare(resumed.losses(x, y, steps: 50), saved["losses"]!.elements.map { $0.double! }, run.dtype)
    }

    /// A run of Apus goes on from its own file to the same bits; `scripts/check/files` has PyTorch go on from the files that this writes into the folder
    /// of the environment variable.
    @Test(arguments: Case.all) func goesOnFromItsOwnFile(_ run: Case) throws {
        try withGenerator(Generator(seed: 1)) { try goOn(run) }
    }

    private func goOn(_ run: Case) throws {
        let recorded = try PyTorchFile(inCheckout("Recorded/\(run.name).pt").path).root
        let (x, y) = (try recorded["x"]!.tensor(), try recorded["y"]!.tensor())
        let first = Run(run, step: 0)
        _ = first.losses(x, y, steps: 30)
        let path = folder.file("run.pt")
        try Checkpoint.save(
            ["model_state_dict": first.model, "optimizer_state_dict": first.optimizer, "scheduler_state_dict": first.schedule], to: path)
        let second = Run(run, step: 30)
        try Checkpoint.load(path, into: second.parts)
        // The file as it was at step 30, with the losses that follow.
        let third = Run(run, step: 30)
        try Checkpoint.load(path, into: third.parts)
        let losses = first.losses(x, y, steps: 50)
        #expect(second.losses(x, y, steps: 50) == losses)
        guard let exchange = environment("APUS_TEST_FILES") else { return }
        try Checkpoint.save(
            [
                "model_state_dict": third.model, "optimizer_state_dict": third.optimizer, "scheduler_state_dict": third.schedule,
                "step": 30, "x": x, "y": y,
                "losses": losses,
            ], to: "\(exchange)/runs/\(run.name).pt")
    }
}
