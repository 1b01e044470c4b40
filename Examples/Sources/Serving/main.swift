// Eight tasks use one model at once. A module is not Sendable, so the compiler refuses to share it directly; `Shared` takes it in
// evaluation mode and lets any number of tasks call it. A wrong request throws, and the others continue.
import Apus

let model = Shared(Sequential(Flatten(), Linear(784, 64), ReLU(), Linear(64, 10)))

let answers = await withTaskGroup(of: (Int, String).self) { group in
    for task in 0..<8 {
        group.addTask {
            do {
                // The input is sent to `Shared`, so it is made in the call. Task 5 sends images of the wrong size.
                let classes: [Int] = try checked {
                    model(Tensor.rand([4, 1, 28, task == 5 ? 27 : 28], generator: Generator(seed: UInt64(task)))).argmax(dim: 1).array()
                }
                return (task, "classes \(classes)")
            } catch {
                return (task, "refused: \(error)")
            }
        }
    }
    var answers: [(Int, String)] = []
    for await answer in group { answers.append(answer) }
    return answers.sorted { $0.0 < $1.0 }
}
for (task, answer) in answers { print("task \(task): \(answer)") }
